// The server behind the proxies in the measurements: answers of fixed sizes, and one that comes in pieces.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const text = (length) => Buffer.from("abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(length / 26)).slice(0, length));
const bodies = new Map([
  ["/10k", text(10 * 1024)],
  ["/1m", text(1024 * 1024)],
  ["/page", readFileSync(process.argv[3])],
]);
const short = text(26);
const piece = text(1024);
const pieces = 100;

// Each piece is written in a turn of its own, as a page that is rendered while it is sent.
function stream(response) {
  let left = pieces;
  const next = () => {
    response.write(piece);
    left -= 1;
    if (left > 0) setImmediate(next);
    else response.end();
  };
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  next();
}

const server = createServer((request, response) => {
  if (request.url === "/chunks") return stream(response);
  const body = bodies.get(request.url) ?? short;
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": body.length });
  response.end(body);
});
// Whoever is in front decides how long connections are kept.
server.keepAliveTimeout = 600_000;
server.listen(Number(process.argv[2]), "127.0.0.1");

// A server without a framework: the specification's port, and everything else as Node has it.
const http = require('node:http')

const page = `<!doctype html>
<title>Hello</title>
<link rel="stylesheet" href="/assets/hello.css">
<h1>Hello</h1>
<img src="/_image?url=/assets/sunset.png&w=640&q=75" width="640" height="360" alt="A sunset">
`

http
  .createServer((request, response) => {
    if (request.url.split('?')[0] !== '/') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('No such page.\n')
      return
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
  })
  .listen(3000)

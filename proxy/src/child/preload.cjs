// Loaded into Node before the bundle's entry point (`node --require`): the port the specification fixes, 3000, becomes
// the address of this instance. Several instances of an unchanged bundle can so run side by side, and none of them can
// be reached around the proxy.
//
// EDGEPLANE_INSTANCE_ADDRESS is `127.0.0.1:PORT`, or `unix:PATH`. It stays in the environment, because cluster workers,
// forked children and worker threads load this file again (they inherit Node's own arguments) and need it.
'use strict';

const net = require('node:net');

const SPECIFIED_PORT = 3000;

const target = (text) => {
  if (!text) return undefined;
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) };
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
};

const instance = target(process.env.EDGEPLANE_INSTANCE_ADDRESS);
const mapped = new Set([SPECIFIED_PORT]);
// PORT counts only as a number: on some hosts it names a pipe.
const wanted = Number(process.env.PORT);
if (Number.isInteger(wanted) && wanted > 0) mapped.add(wanted);

const isMapped = (port) => {
  if (typeof port !== 'number' && typeof port !== 'string') return false;
  return typeof port === 'string' && port.trim() === '' ? false : mapped.has(Number(port));
};

// A listen by handle or by descriptor is none of ours. (A `path` beside a `port` is ignored by Node itself.)
const isTcp = (options) => options._handle === undefined && options.handle === undefined
  && !(typeof options.fd === 'number' && options.fd >= 0);

// The ports this process has asked for and that were moved.
const moved = new Set();

// The arguments of the mapped call, or undefined where the call stays as it is. The forms are those of Node's
// documentation: (options[, callback]) and (port[, host][, backlog][, callback]).
const remap = (args) => {
  const [first] = args;
  let options;
  if (typeof first === 'object' && first !== null) {
    if (!isTcp(first) || !isMapped(first.port)) return undefined;
    options = { ...first };
  } else if (isMapped(first)) {
    options = {};
    const backlog = args.slice(1, 3).find((value) => value !== '' && Number(value) > 0);
    if (backlog !== undefined) options.backlog = Number(backlog);
  } else {
    return undefined;
  }
  moved.add(Number(first?.port ?? first));
  for (const key of ['host', 'port', 'path', 'ipv6Only', 'reusePort']) delete options[key];
  Object.assign(options, instance);
  const last = args[args.length - 1];
  return typeof last === 'function' ? [options, last] : [options];
};

// Who listens on 3000 and connects to 3000 on this machine means itself: pages that fetch the app's own API, Astro's image
// endpoint. Everything else is connected to as asked for.
const LOOPBACK = new Set([undefined, '', 'localhost', '127.0.0.1', '::1', '[::1]', '0.0.0.0', '::']);

const isItself = (options) => typeof options === 'object' && options !== null && !options.path
  && moved.has(Number(options.port)) && LOOPBACK.has(options.host);

const redirect = (options) => {
  const { host, port, family, lookup, ...rest } = options;
  return { ...rest, ...instance };
};

if (instance) {
  const { listen } = net.Server.prototype;
  net.Server.prototype.listen = function (...args) {
    return Reflect.apply(listen, this, remap(args) ?? args);
  };

  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (...args) {
    const [first, second] = args;
    if (Array.isArray(first)) {
      // `net.connect` hands over [options, callback], an array of its own making that carries a private mark.
      if (isItself(first[0])) first[0] = redirect(first[0]);
    } else if (isItself(first)) {
      args[0] = redirect(first);
    } else if (moved.has(Number(first)) && (typeof second !== 'string' || LOOPBACK.has(second))) {
      args.splice(0, typeof second === 'string' ? 2 : 1, { ...instance });
    }
    return Reflect.apply(connect, this, args);
  };
}

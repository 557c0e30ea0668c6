// The hand-written compute server of the tests. Plain Node: no framework decides here what a request looks like.
const http = require('node:http')
const { createHash } = require('node:crypto')

const count = { connections: 0, requests: 0, aborted: 0, open: new Set() }

const answers = {
  '/echo'(request, response) {
    collect(request, (body) =>
      json(response, {
        method: request.method,
        url: request.url,
        version: request.httpVersion,
        headers: request.headers,
        names: request.rawHeaders.filter((_, i) => i % 2 === 0),
        body: body.toString('latin1'),
        pid: process.pid,
      }),
    )
  },
  '/upload'(request, response) {
    const hash = createHash('sha256')
    const began = Date.now()
    let bytes = 0
    let first = null
    request.on('data', (piece) => {
      first ??= Date.now() - began
      bytes += piece.length
      hash.update(piece)
    })
    request.on('end', () => json(response, { bytes, sha256: hash.digest('hex'), first, last: Date.now() - began }))
  },
  // Answers each piece of the body as it arrives.
  '/duplex'(request, response) {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.flushHeaders()
    request.on('data', (piece) => response.write(`got ${piece.length}\n`))
    request.on('end', () => response.end('end\n'))
  },
  // Answers without reading the body.
  '/early'(request, response) {
    json(response, { early: true })
  },
  '/stream'(request, response, query) {
    response.writeHead(200, { 'content-type': 'text/plain' })
    tick(response, Number(query.get('n') ?? 5), Number(query.get('ms') ?? 200), (i) => `chunk ${i}\n`)
  },
  '/events'(request, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    tick(response, 4, 150, (i) => `data: tick ${i}\n\n`)
  },
  // Runs until the client leaves.
  '/endless'(request, response) {
    response.writeHead(200, { 'content-type': 'text/plain' })
    const timer = setInterval(() => response.write('more\n'), 50)
    response.on('close', () => clearInterval(timer))
  },
  '/slow'(request, response, query) {
    setTimeout(() => json(response, { pid: process.pid }), Number(query.get('ms') ?? 500))
  },
  '/big'(request, response, query) {
    response.end(Buffer.alloc(Number(query.get('n') ?? 1 << 20), 'b'))
  },
  '/cookies'(request, response) {
    response.writeHead(200, { 'set-cookie': ['a=1; Path=/', 'b=two%20words; HttpOnly', 'c=3'] })
    response.end('ok')
  },
  '/redirect'(request, response) {
    response.writeHead(302, { location: '/elsewhere?x=1' })
    response.end()
  },
  '/page'(request, response) {
    response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'private' })
    response.end('<h1>page</h1>')
  },
  '/no-content'(request, response) {
    response.writeHead(204)
    response.end()
  },
  // Less than it promises, then the connection is gone.
  '/short'(request, response) {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('partial')
    setTimeout(() => response.destroy(), 50)
  },
  '/short-chunked'(request, response) {
    response.writeHead(200)
    response.write('partial')
    setTimeout(() => response.destroy(), 50)
  },
  // More than it promises, on a connection that stays open.
  '/long'(request, response) {
    response.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
  },
  '/hang-up'(request, response) {
    response.socket.destroy()
  },
  '/garbage'(request, response) {
    response.socket.end('this is not http at all\r\n\r\n')
  },
  '/die'() {
    process.exit(13)
  },
  '/env'(request, response) {
    json(response, { env: process.env, cwd: process.cwd(), argv: process.argv, execArgv: process.execArgv, pid: process.pid })
  },
  '/count'(request, response) {
    json(response, { ...count, open: count.open.size, pid: process.pid })
  },
}

// The forms of "not here" that a server may send.
const missing = {
  '/missing/empty': (response) => response.writeHead(404, { 'content-length': '0' }).end(),
  '/missing/length': (response) => response.writeHead(404, { 'content-length': '9' }).end('not there'),
  '/missing/chunked': (response) => {
    response.writeHead(404, { 'content-type': 'text/html' })
    response.write('<h1>COMPUTE ')
    response.end('404</h1>')
  },
  '/missing/large': (response) => response.writeHead(404).end(Buffer.alloc(1 << 20, 'm')),
}

const server = http.createServer((request, response) => {
  count.requests += 1
  count.open.add(response)
  response.on('close', () => {
    count.open.delete(response)
    if (!response.writableFinished) count.aborted += 1
  })
  const url = new URL('http://compute' + (request.url.startsWith('/') ? request.url : '/'))
  const status = /^\/status\/(\d{3})$/.exec(url.pathname)
  const absent = Object.keys(missing).find((prefix) => url.pathname.startsWith(prefix))
  if (absent) missing[absent](response)
  else if (status) json(response, { status: Number(status[1]), method: request.method }, Number(status[1]))
  else if (answers[url.pathname]) answers[url.pathname](request, response, url.searchParams)
  else if (url.pathname === '/') response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>COMPUTE HOME</h1>')
  else if (url.pathname.startsWith('/made/')) json(response, { made: url.pathname })
  else missing['/missing/chunked'](response)
})

server.on('connection', () => (count.connections += 1))
server.keepAliveTimeout = 60_000
server.requestTimeout = 0

// Unmodified frames back to the sender: enough of RFC 6455 for short text messages.
server.on('upgrade', (request, socket) => {
  if (request.url === '/refuse-upgrade') return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
  let held = Buffer.alloc(0)
  socket.on('data', (piece) => {
    held = Buffer.concat([held, piece])
    while (held.length >= 6) {
      const length = held[1] & 0x7f
      if (held.length < 6 + length) return
      const mask = held.subarray(2, 6)
      const text = Buffer.from(held.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]))
      const opcode = held[0] & 0x0f
      held = held.subarray(6 + length)
      if (opcode === 8) return socket.end()
      socket.write(Buffer.concat([Buffer.from([0x80 | opcode, text.length]), text]))
    }
  })
  socket.on('error', () => socket.destroy())
})

function json(response, value, status = 200) {
  if (status === 204 || status === 304) return response.writeHead(status).end()
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

function collect(request, done) {
  const pieces = []
  request.on('data', (piece) => pieces.push(piece))
  request.on('end', () => done(Buffer.concat(pieces)))
}

function tick(response, times, pause, text) {
  let i = 0
  const next = () => {
    response.write(text(i))
    i += 1
    if (i === times) response.end()
    else setTimeout(next, pause)
  }
  next()
}

server.listen(Number(process.env.PORT ?? 3000), process.env.HOST)

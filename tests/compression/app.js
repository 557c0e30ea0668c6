// The compute server of the tests of compression: what it answers, and how, is told by the query of the request.
const http = require('node:http')

const listeners = []
let last = {}
let aborted = 0

// Text as a page has it: much of it again and again, some of it new.
function text(bytes) {
  let out = '<!doctype html><title>page</title>'
  for (let i = 0; out.length < bytes; i++) out += `<li class="item"><a href="/items/${i * 7919}">Item ${i ** 3 % 1009}</a></li>\n`
  return out.slice(0, bytes)
}

http
  .createServer((request, response) => {
    const url = new URL(request.url, 'http://compute')
    const query = url.searchParams
    if (url.pathname === '/seen') return response.end(JSON.stringify({ last, aborted }))
    if (url.pathname === '/tick') {
      for (const listener of listeners) listener.write(`data: ${query.get('say')}\n\n`)
      return response.end()
    }
    last = request.headers
    if (url.pathname === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.flushHeaders()
      listeners.push(response)
      response.on('close', () => {
        listeners.splice(listeners.indexOf(response), 1)
        aborted += 1
      })
      return
    }
    response.setHeader('content-type', query.get('type') ?? 'text/html; charset=utf-8')
    for (const field of query.getAll('h')) {
      const colon = field.indexOf(':')
      response.setHeader(field.slice(0, colon), field.slice(colon + 1).trim())
    }
    const held = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    const etag = response.getHeader('etag')
    if (etag && held.includes(etag.replace(/^W\//, ''))) return response.writeHead(304).end()
    const body = text(Number(query.get('bytes') ?? 20000))
    const status = Number(query.get('status') ?? 200)
    switch (query.get('framing') ?? 'length') {
      case 'length':
        response.writeHead(status, { 'content-length': body.length })
        return response.end(request.method === 'HEAD' ? undefined : body)
      case 'chunked': {
        response.writeHead(status)
        const third = Math.ceil(body.length / 3)
        response.write(body.slice(0, third))
        setImmediate(() => {
          response.write(body.slice(third, 2 * third))
          setTimeout(() => response.end(body.slice(2 * third)), 5)
        })
        return
      }
      case 'close':
        request.socket.write('HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n')
        return request.socket.end(request.method === 'HEAD' ? '' : body)
      case 'cut-length':
        response.writeHead(status, { 'content-length': body.length })
        response.write(body.slice(0, body.length / 2))
        return setTimeout(() => request.socket.destroy(), 30)
      case 'cut-chunked':
        response.writeHead(status)
        response.write(body.slice(0, body.length / 2))
        return setTimeout(() => request.socket.destroy(), 30)
    }
  })
  .listen(Number(process.env.PORT ?? 3000), process.env.HOST)

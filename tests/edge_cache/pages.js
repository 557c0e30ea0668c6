// The compute server of the edge cache's tests: what it answers, and how, is told by the query of the request.
const http = require('node:http')

const seen = {}
let last = {}
let failing = false

http
  .createServer((request, response) => {
    const url = new URL('http://compute' + request.url)
    const query = url.searchParams
    if (url.pathname === '/seen') {
      return response.end(JSON.stringify({ count: seen[query.get('path')] ?? 0, last, pid: process.pid }))
    }
    if (url.pathname === '/failing') {
      failing = query.get('is') === 'yes'
      return response.end()
    }
    seen[url.pathname] = (seen[url.pathname] ?? 0) + 1
    last = request.headers
    const number = seen[url.pathname]
    if (failing && query.has('may-fail')) {
      return query.get('may-fail') === 'hang-up' ? request.socket.destroy() : response.writeHead(503).end('failing')
    }
    for (const field of query.getAll('h')) {
      const colon = field.indexOf(':')
      response.appendHeader(field.slice(0, colon), field.slice(colon + 1).trim())
    }
    if (query.has('any') && request.headers['if-none-match'] === '*') return response.writeHead(304).end()
    if (query.has('once') && number > 1) return response.writeHead(404).end('gone')
    const etag = response.getHeader('etag')
    if (etag && request.headers['if-none-match'] === etag) return response.writeHead(304).end()
    const who = request.headers.cookie ?? request.headers.authorization ?? request.headers['x-forwarded-host'] ?? 'nobody'
    const body = query.has('bytes') ? 'x'.repeat(Number(query.get('bytes'))) : `${number} for ${who}`
    const status = Number(query.get('status') ?? 200)
    setTimeout(() => {
      if (query.has('chunks')) {
        response.writeHead(status)
        const half = body.length >> 1
        response.write(body.slice(0, half))
        return setTimeout(() => response.end(body.slice(half)), 50)
      }
      if (query.has('breaks')) {
        response.writeHead(status, { 'content-length': body.length + 10 })
        response.write(body)
        return setTimeout(() => response.destroy(), 50)
      }
      response.writeHead(status, { 'content-length': body.length })
      response.end(request.method === 'HEAD' ? undefined : body)
    }, Number(query.get('ms') ?? 0))
  })
  .listen(Number(process.env.PORT ?? 3000), process.env.HOST)

// Records what a browser asks of a bundle: every request of some pages, with its method, path, header fields and order.
//
//   node bench/recordings/record.mjs target/release/edgeplane target/bundles/nuxt3 bench/recordings/nuxt3.json
//
// Chromium goes through a recorder that passes everything on to Edgeplane. It is driven through the pipe of its DevTools
// protocol, so nothing needs to be installed beside it. Each page is opened with an empty cache; the first is opened
// once more with what the browser then has. What Edgeplane could not get (5xx, a remote image without a network) is left
// out. The address in Host, Referer and Origin becomes `{host}`; what another build of the same sources would name
// otherwise becomes `{build}`, the number of the build, and `{BYTES.js}`, the chunk of about that length.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { createInterface } from 'node:readline'

const PAGES = ['/', '/about', '/gallery', '/blog/hello', '/prerendered']
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
// The page is loaded and nothing more was asked for as long as this: prefetching is over.
const QUIET_MS = 1500

const [program, bundle, out] = process.argv.slice(2)
if (!out) {
  console.error('usage: record.mjs EDGEPLANE BUNDLE OUT')
  process.exit(64)
}
const chunks = join(bundle, 'static/_nuxt')
const build = JSON.parse(readFileSync(join(chunks, 'builds/latest.json'))).id
const scratch = mkdtempSync(join(tmpdir(), 'record-'))

// The path without what changes from build to build: names of chunks are hashes, their lengths about stay.
function lasting(path) {
  const lengths = new Map(readdirSync(chunks).map(name => [name, statSync(join(chunks, name)).size]))
  const name = path.replace('/_nuxt/', '')
  if (!lengths.has(name)) return path.replaceAll(build, '{build}')
  const twins = [...lengths].filter(([other, length]) => length === lengths.get(name) && extname(other) === extname(name))
  if (twins.length > 1) throw new Error(`chunks of one length: ${twins}`)
  return `/_nuxt/{${lengths.get(name)}${extname(name)}}`
}

async function startEdgeplane() {
  const flags = ['--listen', '127.0.0.1:0', '--admin', 'off', '--log', 'off', '--state-dir', join(scratch, 'state')]
  const child = spawn(program, ['serve', bundle, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const line of createInterface({ input: child.stderr })) {
    const address = line.match(/^listening http:\/\/([^/\s]+)/)
    if (address) {
      child.stderr.resume()
      return { child, address: address[1] }
    }
  }
  throw new Error('edgeplane did not start')
}

// Passes requests on and keeps them. `after` is the answer that had last been complete when the request arrived: what a
// browser asks for next is in it, or in one before.
function startRecorder(upstream) {
  const recorder = { requests: [], open: 0, changed: Date.now(), complete: null, sockets: new Map() }
  const server = http.createServer((request, answer) => {
    const { requests, sockets } = recorder
    if (!sockets.has(request.socket)) sockets.set(request.socket, sockets.size)
    const index = requests.length
    const fields = []
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      fields.push([request.rawHeaders[i], request.rawHeaders[i + 1].replaceAll(request.headers.host, '{host}')])
    }
    const record = { method: request.method, path: lasting(request.url), status: 0, after: recorder.complete }
    requests.push({ ...record, connection: sockets.get(request.socket), headers: fields })
    recorder.open += 1
    recorder.changed = Date.now()
    const [host, port] = upstream.split(':')
    // The name the client used goes on, so that absolute addresses in answers lead back here.
    const options = { host, port, method: request.method, path: request.url, headers: request.rawHeaders, agent: false }
    request.pipe(http.request(options, passed => {
      requests[index].status = passed.statusCode
      answer.writeHead(passed.statusCode, passed.rawHeaders)
      passed.pipe(answer)
      answer.on('close', () => {
        recorder.open -= 1
        recorder.changed = Date.now()
        recorder.complete = index
      })
    }))
  })
  server.listen(0, '127.0.0.1')
  return once(server, 'listening').then(() => Object.assign(recorder, { server, address: `127.0.0.1:${server.address().port}` }))
}

// A browser with an empty profile, and a way to call it.
async function startBrowser(name) {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-pipe',
    `--user-data-dir=${mkdtempSync(join(scratch, 'profile-'))}`, 'about:blank']
  const child = spawn(name, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const [, , , input, output] = child.stdio
  const waiting = new Map()
  const listeners = []
  let rest = ''
  output.setEncoding('utf8').on('data', text => {
    const messages = (rest + text).split('\0')
    rest = messages.pop()
    for (const message of messages.map(JSON.parse)) {
      if (message.id) waiting.get(message.id)(message)
      else listeners.forEach(listener => listener(message))
    }
  })
  let id = 0
  const call = (method, params = {}, sessionId) => new Promise((resolve, reject) => {
    id += 1
    waiting.set(id, message => (message.error ? reject(new Error(`${method}: ${message.error.message}`)) : resolve(message.result)))
    input.write(JSON.stringify({ id, method, params, sessionId }) + '\0')
  })
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true })
  await call('Page.enable', {}, sessionId)
  const event = method => new Promise(resolve => listeners.push(message => message.method === method && resolve()))
  return { child, call, event, sessionId }
}

async function visit(browser, recorder, path) {
  Object.assign(recorder, { requests: [], complete: null, sockets: new Map() })
  const loaded = browser.event('Page.loadEventFired')
  await browser.call('Page.navigate', { url: `http://${recorder.address}${path}` }, browser.sessionId)
  await loaded
  while (recorder.open > 0 || Date.now() - recorder.changed < QUIET_MS) await new Promise(resolve => setTimeout(resolve, 50))
  return recorder.requests
}

// Without what failed; `after` counts the requests that are kept.
function kept(requests) {
  const order = requests.map((request, index) => index).filter(index => requests[index].status < 500)
  const place = index => {
    while (index !== null && index >= 0 && !order.includes(index)) index -= 1
    return index === null || index < 0 ? null : order.indexOf(index)
  }
  return order.map(index => ({ ...requests[index], after: place(requests[index].after) }))
}

async function end(child) {
  const ended = once(child, 'exit')
  child.kill()
  await ended
}

const name = BROWSERS.find(name => spawnSync(name, ['--version']).status === 0)
if (!name) throw new Error(`no browser in PATH, one of ${BROWSERS.join(', ')}`)
const edgeplane = await startEdgeplane()
const recorder = await startRecorder(edgeplane.address)
const loads = []
let version
for (const page of PAGES) {
  const browser = await startBrowser(name)
  version = (await browser.call('Browser.getVersion')).product
  loads.push({ page, cache: 'empty', requests: kept(await visit(browser, recorder, page)) })
  if (page === PAGES[0]) {
    await browser.call('Page.navigate', { url: 'about:blank' }, browser.sessionId)
    loads.push({ page, cache: 'filled', requests: kept(await visit(browser, recorder, page)) })
  }
  await end(browser.child)
}
recorder.server.close()
recorder.server.closeAllConnections()
await end(edgeplane.child)
rmSync(scratch, { recursive: true, force: true })

// One line per request, so that a new recording can be read as a difference.
const lines = loads.map(load => {
  const requests = load.requests.map(request => `        ${JSON.stringify(request)}`).join(',\n')
  return `    {\n      "page": ${JSON.stringify(load.page)},\n      "cache": "${load.cache}",\n      "requests": [\n${requests}\n      ]\n    }`
})
writeFileSync(out, `{\n  "browser": ${JSON.stringify(version)},\n  "bundle": "${basename(bundle)}",\n  "loads": [\n${lines.join(',\n')}\n  ]\n}\n`)
for (const load of loads) console.error(`${load.page} (cache ${load.cache}): ${load.requests.length} requests`)

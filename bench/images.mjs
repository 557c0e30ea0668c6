// IPX, the image server of Nuxt, over the files of a folder: images.mjs TOOLS FOLDER PORT
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [tools, folder, port] = process.argv.slice(2)
const installed = createRequire(join(tools, 'here.js'))
const { createIPX, createIPXNodeServer, ipxFSStorage } = await import(pathToFileURL(installed.resolve('ipx')))
// What libvips keeps of earlier pictures would make the next format of the same one cheaper.
installed('sharp').cache(false)
const server = createServer(createIPXNodeServer(createIPX({ storage: ipxFSStorage({ dir: folder }) })))
server.keepAliveTimeout = 60_000
server.listen(Number(port), '127.0.0.1')

// Draws the pictures that the test apps carry: same names, kinds and pixel sizes on every machine, and nobody else's
// photographs. Usage: node generate.mjs nuxt3|nitro2|astro7|sveltekit2 FOLDER
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import sharp from 'sharp'

const [app, folder] = process.argv.slice(2)

// A small generator with a fixed seed, so that two runs give the same bytes.
function noise(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

// Hills under a sky, with the grain of a sensor: smooth and busy regions, as in a photograph.
function landscape(width, height, { seed = 1, channels = 3 } = {}) {
  const pixels = Buffer.alloc(width * height * channels)
  const random = noise(seed)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += channels) {
      const u = x / width
      const v = y / height
      const ridge = 0.55 + 0.12 * Math.sin(6 * u + seed) + 0.05 * Math.sin(23 * u + 2 * seed)
      const depth = Math.max(0, v - ridge)
      const grain = (random() - 0.5) * (depth > 0 ? 28 : 6)
      const sky = [90 + 150 * v, 140 + 90 * v, 220 - 40 * v]
      const ground = [70 + 90 * depth, 110 - 60 * depth + 30 * Math.sin(90 * u * v), 60 + 30 * seed]
      for (let c = 0; c < 3; c++) pixels[at + c] = clamp((depth > 0 ? ground : sky)[c] + grain)
      if (channels === 4) pixels[at + 3] = clamp(330 - 520 * Math.hypot(u - 0.5, v - 0.5))
    }
  }
  return sharp(pixels, { raw: { width, height, channels } })
}

const clamp = (value) => Math.max(0, Math.min(255, Math.round(value)))

const jpeg = (width, height, seed) => landscape(width, height, { seed }).jpeg({ quality: 85 }).toBuffer()

// Orientation 6: stored upright-turned, to be shown 90 degrees clockwise, so 400x600 stored is 600x400 shown.
const turnedJpeg = () => landscape(400, 600, { seed: 2 }).withMetadata({ orientation: 6 }).jpeg({ quality: 85 }).toBuffer()

async function animation(width, height, frames) {
  const pages = []
  for (let i = 0; i < frames; i++) pages.push(await landscape(width, height, { seed: i + 1 }).raw().toBuffer())
  return sharp(Buffer.concat(pages), { raw: { width, height: height * frames, channels: 3, pageHeight: height } })
    .gif({ delay: frames > 0 ? Array(frames).fill(120) : undefined, loop: 0 })
    .toBuffer()
}

// An icon file is a table of contents in front of PNG files.
async function icon(...sides) {
  const images = await Promise.all(sides.map((side) => landscape(side, side, { channels: 4 }).png().toBuffer()))
  const head = Buffer.alloc(6 + 16 * sides.length)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(sides.length, 4)
  let offset = head.length
  sides.forEach((side, i) => {
    const entry = 6 + 16 * i
    head.writeUInt8(side, entry)
    head.writeUInt8(side, entry + 1)
    head.writeUInt16LE(1, entry + 4)
    head.writeUInt16LE(32, entry + 6)
    head.writeUInt32LE(images[i].length, entry + 8)
    head.writeUInt32LE(offset, entry + 12)
    offset += images[i].length
  })
  return Buffer.concat([head, ...images])
}

// What no compressor shrinks: a stand-in for a video.
function incompressible(bytes) {
  const random = noise(7)
  return Buffer.from(Uint8Array.from({ length: bytes }, () => random() * 256))
}

const coffee = () => jpeg(600, 400, 2)
const cat = () => landscape(451, 300, { seed: 3, channels: 4 }).png().toBuffer()
const photo = () => jpeg(1411, 1411, 5)
const favicon = () => icon(16, 32)

const wanted = {
  nuxt3: {
    'public/favicon.ico': favicon,
    'public/photo.jpg': photo,
    'public/images/coffee.jpg': coffee,
    'public/images/coffee-exif6.jpg': turnedJpeg,
    'public/images/astronaut.png': () => landscape(512, 512, { seed: 4 }).png().toBuffer(),
    'public/images/cat-alpha.png': cat,
    'public/images/chelsea.webp': () => landscape(451, 300, { seed: 3 }).webp({ quality: 80 }).toBuffer(),
    'public/images/anim.gif': () => animation(120, 80, 6),
    'public/files/my photo é.jpg': () => jpeg(640, 427, 6),
    'public/media/clip.bin': () => incompressible(1 << 20),
  },
  nitro2: { 'public/favicon.ico': favicon, 'assets-dir/img/coffee.jpg': coffee },
  astro7: {
    'public/favicon.ico': favicon,
    'public/photo.jpg': photo,
    'src/assets/coffee.jpg': coffee,
    'src/assets/cat-alpha.png': cat,
  },
  sveltekit2: { 'static/favicon.ico': favicon, 'static/photo.jpg': photo },
}

for (const [name, draw] of Object.entries(wanted[app])) {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, await draw())
}

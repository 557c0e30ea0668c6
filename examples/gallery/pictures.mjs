// Draws the pictures of the gallery into public/pictures: ridges fading into the distance below a sky.
import { existsSync, mkdirSync } from 'node:fs'
import sharp from 'sharp'

const width = 1600
const height = 1067
const folder = new URL('./public/pictures/', import.meta.url)

const views = {
  dunes: { sky: ['#7cc0ea', '#fdeccb'], near: '#8a3f12', far: '#f2c48a', light: [1180, 240, 90, '#fff6d8'] },
  dawn: { sky: ['#16213f', '#e58f7b'], near: '#0a1024', far: '#a56a7f', light: [420, 560, 60, '#ffd9b0'] },
  aurora: { sky: ['#050b1c', '#1c8f77'], near: '#02060d', far: '#10544f', light: [800, 120, 8, '#ffffff'], stars: 260 },
  ember: { sky: ['#2b0f2e', '#ff7a3d'], near: '#14060f', far: '#a8384a', light: [980, 430, 120, '#ffe0a3'] },
  mist: { sky: ['#c9d8dd', '#f4f2ea'], near: '#2f4a48', far: '#c2d0cd', light: [560, 300, 70, '#ffffff'] },
  moon: { sky: ['#080d24', '#47548f'], near: '#050816', far: '#2f3a6e', light: [1220, 230, 74, '#f3f1e4'], stars: 180 },
}

// A generator with a fixed seed: the same pictures on every machine.
function seeded(seed) {
  let state = seed
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
}

function mix(from, to, share) {
  const part = (color, at) => parseInt(color.slice(at, at + 2), 16)
  const channel = (at) => Math.round(part(from, at) + (part(to, at) - part(from, at)) * share)
  return `rgb(${channel(1)} ${channel(3)} ${channel(5)})`
}

// The outline of one range of hills: a few waves on top of each other.
function ridge(level, random) {
  const waves = [1, 2, 4, 9].map((count) => ({ count, phase: random() * 7, size: (60 * random() + 20) / count }))
  const points = []
  for (let x = 0; x <= width; x += 8) {
    const y = waves.reduce((sum, w) => sum + w.size * Math.sin((x / width) * 6.28 * w.count + w.phase), level)
    points.push(`${x},${y.toFixed(1)}`)
  }
  return `0,${height} ${points.join(' ')} ${width},${height}`
}

function draw({ sky, near, far, light, stars = 0 }, seed) {
  const random = seeded(seed)
  const [x, y, radius, glow] = light
  const dots = Array.from({ length: stars }, () => {
    const size = (0.6 + random() * 1.6).toFixed(2)
    return `<circle cx="${(random() * width).toFixed(0)}" cy="${(random() * 520).toFixed(0)}" r="${size}" fill="#fff" opacity="${random().toFixed(2)}"/>`
  })
  const layers = Array.from({ length: 7 }, (_, i) => {
    const share = i / 6
    return `<polygon points="${ridge(540 + 75 * i, random)}" fill="${mix(far, near, share)}"/>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs>
      <linearGradient id="sky" x2="0" y2="0.75"><stop stop-color="${sky[0]}"/><stop offset="1" stop-color="${sky[1]}"/></linearGradient>
      <radialGradient id="glow"><stop stop-color="${glow}"/><stop offset="1" stop-color="${glow}" stop-opacity="0"/></radialGradient>
    </defs>
    <rect width="100%" height="100%" fill="url(#sky)"/>${dots.join('')}
    <circle cx="${x}" cy="${y}" r="${radius * 5}" fill="url(#glow)" opacity="0.55"/>
    <circle cx="${x}" cy="${y}" r="${radius}" fill="${glow}"/>${layers.join('')}
  </svg>`
}

mkdirSync(folder, { recursive: true })
for (const [index, [name, view]] of Object.entries(views).entries()) {
  const file = new URL(`${name}.jpg`, folder)
  if (existsSync(file)) continue
  // A little grain keeps the skies from showing bands.
  const grain = { create: { width, height, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 7 } } }
  await sharp(Buffer.from(draw(view, 97 * (index + 1))))
    .composite([{ input: await sharp(grain).png().toBuffer(), blend: 'soft-light' }])
    .jpeg({ quality: 88 })
    .toFile(file.pathname)
}

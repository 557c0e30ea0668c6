// Makes pictures, and what ipx and sharp make of them. Usage: node expect.mjs PACKAGES FOLDER
//
// Writes FOLDER/cases.txt, a line per case: name, picture, greatest mean difference and greatest difference of 99 % of
// all bytes, the order in the optimizer's words. FOLDER/NAME.png is what the oracle made of it.
import { createRequire } from 'node:module'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [packages, folder] = process.argv.slice(2)
const require = createRequire(join(packages, 'here.js'))
const sharp = require('sharp')
const { createIPX, ipxFSStorage } = require('ipx')
sharp.concurrency(1)

// Shapes with hard edges on a smooth ground with grain: what blurring, sharpening and trimming are about.
function draw(width, height, channels) {
  const pixels = Buffer.alloc(width * height * channels)
  let state = 7
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += channels) {
      const [u, v] = [x / width, y / height]
      const inside = Math.hypot(u - 0.4, v - 0.5) < 0.25
      const bar = (x >> 3) % 2 === 0 && v > 0.7
      const grain = (random() - 0.5) * 12
      const ground = [40 + 150 * u, 60 + 120 * v, 200 - 120 * u * v]
      const color = bar ? [240, 235, 220] : inside ? [210, 60 + 80 * v, 40] : ground
      for (let c = 0; c < 3; c++) pixels[at + c] = Math.max(0, Math.min(255, Math.round(color[c] + grain)))
      if (channels === 4) pixels[at + 3] = Math.max(0, Math.min(255, Math.round(420 - 700 * Math.hypot(u - 0.5, v - 0.5))))
    }
  }
  return sharp(pixels, { raw: { width, height, channels } })
}

const framed = draw(120, 90, 3).extend({ top: 9, right: 14, bottom: 5, left: 21, background: '#e8e8e8' })
const drawn = {
  wide: await draw(301, 199, 3).png().toBuffer(),
  tall: await draw(150, 222, 4).png().toBuffer(),
  framed: await framed.png().toBuffer(),
  p3: await draw(101, 80, 3).withIccProfile('p3').png().toBuffer(),
  p3jpeg: await draw(101, 80, 3).withIccProfile('p3').jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
  p3webp: await draw(101, 80, 4).withIccProfile('p3').webp({ lossless: true }).toBuffer(),
  p3avif: await draw(101, 80, 3).withIccProfile('p3').avif({ quality: 95 }).toBuffer(),
  p3avifalpha: await draw(101, 80, 4).withIccProfile('p3').avif({ quality: 95 }).toBuffer(),
  avif: await draw(101, 80, 3).avif({ quality: 95 }).toBuffer(),
  avif420: await draw(101, 80, 3).avif({ quality: 95, chromaSubsampling: '4:2:0' }).toBuffer(),
  avifrgb: await draw(101, 80, 4).avif({ lossless: true }).toBuffer(),
  avifgrey: await draw(101, 80, 3).greyscale().toColourspace('b-w').avif({ quality: 95 }).toBuffer(),
  cmyk: await draw(101, 80, 3).withIccProfile('cmyk').jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
  sixteen: await draw(101, 80, 4).toColourspace('rgb16').png().toBuffer(),
  palette: await draw(101, 80, 4).png({ palette: true, colours: 32 }).toBuffer(),
  interlaced: await draw(101, 80, 4).png({ progressive: true }).toBuffer(),
  grey: await draw(101, 80, 3).greyscale().toColourspace('b-w').png().toBuffer(),
  greyalpha: await draw(101, 80, 4).greyscale().toColourspace('b-w').png().toBuffer(),
  greyjpeg: await draw(101, 80, 3).greyscale().toColourspace('b-w').jpeg({ quality: 95 }).toBuffer(),
  progressive: await draw(101, 80, 3).jpeg({ quality: 95, progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  lossless: await draw(101, 80, 4).webp({ lossless: true }).toBuffer(),
  lossy: await draw(101, 80, 4).webp({ quality: 95 }).toBuffer(),
  turned: await draw(200, 120, 3).withMetadata({ orientation: 6 }).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
}
for (const [name, bytes] of Object.entries(drawn)) writeFileSync(join(folder, `${name}.source`), bytes)

const ipx = createIPX({ storage: ipxFSStorage({ dir: folder }) })
const byIpx = async (picture, modifiers) => (await ipx(`${picture}.source`, { ...modifiers, format: 'png' }).process()).data
const open = (picture) => sharp(drawn[picture])
// Resizing in light: sharp's own pipeline, given floating-point light.
const inLight = (picture) => open(picture).pipelineColourspace('scrgb')
const then = async (image) => sharp(await image.png().toBuffer()).pipelineColourspace('scrgb')

const basic = { fit: 'cover', position: 'center' }
const text = ({ width, height, fit, position, ...edits }) => {
  const parts = [
    width && `width=${width}`, height && `height=${height}`, `fit=${fit ?? basic.fit}`,
    `position=${position ?? basic.position}`, 'format=png', 'quality=100',
    ...Object.entries(edits).map(([name, value]) => `${name}=${value}`),
  ]
  return parts.filter(Boolean).join(',')
}

const cases = []
async function expect(name, picture, order, made, [mean, most]) {
  writeFileSync(join(folder, `${name}.png`), Buffer.isBuffer(made) ? made : await made.png().toBuffer())
  cases.push([name, picture, mean, most, text(order)].join('|'))
}

const EXACT = [0.01, 0]
const ROUNDED = [0.6, 2]
// A mean of whole pixels comes before the filter where a picture gets much smaller.
const EDGES = [1.2, 14]

// A side that keeps its ratio is seldom a whole number of pixels. sharp cuts the rest off, ours spreads the picture over the
// pixels there are: in small results that is a part of a pixel, which hard edges show.
function near([across, down], width, height, fit = 'cover') {
  const [x, y] = [width ? Math.max(1, across / width) : 0, height ? Math.max(1, down / height) : 0]
  const shrink = !x || !y ? Math.max(x, y) : ['cover', 'outside'].includes(fit) ? Math.min(x, y) : Math.max(x, y)
  if (fit === 'fill') return EDGES
  const off = Math.max(...[across, down].map((side) => Math.abs(side / shrink / Math.round(side / shrink) - 1)))
  return off < 0.002 ? EDGES : off < 0.02 ? [2, 24] : [4, 40]
}

for (const [picture, size] of [['wide', [301, 199]], ['tall', [150, 222]]]) {
  const it = (name) => `${picture}-${name}`
  await expect(it('flip'), picture, { flip: true }, await byIpx(picture, { flip: '' }), EXACT)
  await expect(it('flop'), picture, { flop: true }, await byIpx(picture, { flop: '' }), EXACT)
  for (const angle of [90, 180, 270]) {
    await expect(it(`rotate-${angle}`), picture, { rotate: angle }, await byIpx(picture, { rotate: `${angle}` }), EXACT)
  }
  await expect(it('flip-flop-rotate'), picture, { flip: true, rotate: 90 }, open(picture).flip().rotate(90), EXACT)
  await expect(it('extract'), picture, { extract: '11_20_97_101' }, await byIpx(picture, { extract: '11_20_97_101' }), EXACT)
  await expect(it('extract-flop'), picture, { flop: true, extract: '11_20_97_101' },
    open(picture).extract({ left: 11, top: 20, width: 97, height: 101 }).flop(), EXACT)
  await expect(it('rotate-extract'), picture, { rotate: 90, extract: '11_20_97_101' },
    open(picture).rotate(90).extract({ left: 11, top: 20, width: 97, height: 101 }), EXACT)
  await expect(it('extend'), picture, { extend: '3_11_7_5' },
    open(picture).extend({ top: 3, right: 11, bottom: 7, left: 5, extendWith: 'copy' }), EXACT)
  for (const size of [3, 5, 12]) {
    await expect(it(`median-${size}`), picture, { median: size }, await byIpx(picture, { median: `${size}` }), EXACT)
  }
  for (const sigma of [0.3, 0.8, 1.5, 4, 25]) {
    await expect(it(`blur-${sigma}`), picture, { blur: sigma }, await byIpx(picture, { blur: `${sigma}` }), [1.2, 3])
  }
  for (const sigma of [0.5, 1, 3, 10]) {
    await expect(it(`sharpen-${sigma}`), picture, { sharpen: sigma }, open(picture).sharpen({ sigma }), [0.9, 4])
  }
  for (const level of [60, 128, 200]) {
    await expect(it(`threshold-${level}`), picture, { threshold: level }, await byIpx(picture, { threshold: `${level}` }), [0.5, 0])
  }
  await expect(it('normalize'), picture, { normalize: true }, await byIpx(picture, { normalize: '' }), ROUNDED)
  await expect(it('grayscale'), picture, { grayscale: true }, await byIpx(picture, { grayscale: '' }), ROUNDED)
  await expect(it('tint'), picture, { tint: 'ff8000' }, await byIpx(picture, { tint: '#ff8000' }), ROUNDED)
  await expect(it('negate'), picture, { negate: true }, open(picture).negate({ alpha: false }), EXACT)
  await expect(it('blur-median-negate'), picture, { median: 3, blur: 2, negate: true },
    open(picture).median(3).blur(2).negate({ alpha: false }), [0.9, 3])
  for (const angle of [30, 45, 200.5]) {
    await expect(it(`rotate-${angle}`), picture, { rotate: angle }, open(picture).rotate(angle), picture === 'wide' ? ROUNDED : [2.5, 60])
  }
  for (const fit of ['cover', 'contain', 'fill', 'inside', 'outside']) {
    for (const position of ['center', 'top', 'right', 'bottom', 'left']) {
      if (position !== 'center' && !['cover', 'contain'].includes(fit)) continue
      for (const [width, height] of [[90, 90], [64, 131], [140, 50], [400, 60], [400, 500]]) {
        const made = inLight(picture).resize(width, height, { fit, position, withoutEnlargement: true })
        await expect(it(`${fit}-${position}-${width}x${height}`), picture, { width, height, fit, position }, made, near(size, width, height, fit))
      }
    }
  }
  for (const width of [1, 7, 33, 64, 99, 149]) {
    await expect(it(`width-${width}`), picture, { width }, inLight(picture).resize(width), near(size, width))
  }
}
await expect('trim-10', 'framed', { trim: 10 }, open('framed').trim({ threshold: 10 }), EXACT)
await expect('trim-100', 'framed', { trim: 100 }, open('framed').trim({ threshold: 100 }), EXACT)
await expect('trim-transparent', 'tall', { trim: 40 }, open('tall').trim({ threshold: 40 }), EXACT)
await expect('trim-width', 'framed', { width: 50, trim: 10 }, (await then(open('framed').trim({ threshold: 10 }))).resize(50), near([120, 90], 50))
await expect('turned', 'turned', {}, open('turned').autoOrient(), ROUNDED)
await expect('turned-width', 'turned', { width: 50 }, (await then(open('turned').autoOrient())).resize(50), near([120, 200], 50))
await expect('turned-extract', 'turned', { extract: '5_10_80_90' },
  open('turned').autoOrient().extract({ left: 5, top: 10, width: 80, height: 90 }), ROUNDED)
await expect('turned-flop', 'turned', { flop: true, rotate: 90 }, open('turned').autoOrient().flop().rotate(90), ROUNDED)
await expect('rotate-width', 'wide', { width: 64, rotate: 90 }, inLight('wide').rotate(90).resize(64), near([199, 301], 64))
await expect('gamma', 'wide', { gamma: 2.2 }, open('wide').gamma(2.2), [1.2, 4])
await expect('gamma-width', 'wide', { width: 64, gamma: 2.2 }, open('wide').pipelineColourspace('rgb16').gamma(2.2).resize(64), EDGES)
await expect('contain-background', 'wide', { width: 90, height: 90, fit: 'contain', background: '336699' },
  inLight('wide').resize(90, 90, { fit: 'contain', background: '#336699', withoutEnlargement: true }), EDGES)
await expect('rotate-background', 'wide', { rotate: 20, background: '336699' }, open('wide').rotate(20, { background: '#336699' }), ROUNDED)

// What files can be, apart from what is done to them.
const KINDS = {
  p3: ROUNDED, p3jpeg: ROUNDED, p3webp: ROUNDED, p3avif: ROUNDED, p3avifalpha: ROUNDED, avif: ROUNDED,
  avif420: [2, 12], avifrgb: ROUNDED, avifgrey: ROUNDED, cmyk: [3, 16], sixteen: ROUNDED, palette: EXACT, interlaced: EXACT, grey: EXACT,
  greyalpha: EXACT, greyjpeg: ROUNDED, progressive: ROUNDED, lossless: EXACT, lossy: [2, 12],
}
for (const [kind, near] of Object.entries(KINDS)) await expect(`kind-${kind}`, kind, {}, open(kind), near)

writeFileSync(join(folder, 'cases.txt'), cases.join('\n'))

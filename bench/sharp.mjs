// sharp as Next.js drives it, one picture after the other: sharp.mjs TOOLS. A line of JSON asks, a line of JSON answers.
import { createRequire } from 'node:module'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const [tools] = process.argv.slice(2)
const sharp = createRequire(join(tools, 'here.js'))('sharp')
sharp.concurrency(1)
sharp.cache(false)

// What Next.js 16 asks for by a quality of 1 to 100.
const encode = {
  avif: (picture, quality) => picture.avif({ quality: Math.max(Math.round((quality * 50) / 80), 1), effort: 3 }),
  webp: (picture, quality) => picture.webp({ quality }),
  jpeg: (picture, quality) => picture.jpeg({ quality, mozjpeg: true }),
  png: (picture, quality) => picture.png({ quality }),
}
const resized = (source, width) => sharp(source).rotate().resize(width, undefined, { withoutEnlargement: true })

const answers = {
  // A part of a photograph, as a camera would have stored it.
  async photo({ source, width, height, out }) {
    await sharp(source).resize(width, height, { fit: 'cover' }).jpeg({ quality: 88 }).toFile(out)
    return {}
  },
  async make({ source, width, format, quality, out }) {
    const bytes = await readFile(source)
    const [began, before] = [process.hrtime.bigint(), process.cpuUsage()]
    const made = await encode[format](resized(bytes, width), quality).toBuffer()
    const used = process.cpuUsage(before)
    const wall = Number(process.hrtime.bigint() - began) / 1e6
    await writeFile(out, made)
    return { cpu: (used.user + used.system) / 1e3, wall, bytes: made.length }
  },
  // What it makes of a picture before an encoder sees it.
  async resize({ source, width, out }) {
    await resized(source, width).png({ compressionLevel: 1 }).toFile(out)
    return {}
  },
  // The same from every pixel of the source, mixed as they are stored or as light mixes.
  async reference({ source, width, linear, out }) {
    let picture = sharp(source)
    if (linear) picture = picture.pipelineColourspace('scrgb')
    picture = picture.rotate().resize(width, undefined, { withoutEnlargement: true, fastShrinkOnLoad: false })
    await picture.toColourspace('srgb').png({ compressionLevel: 1 }).toFile(out)
    return {}
  },
  async decode({ source, out }) {
    await sharp(source).png({ compressionLevel: 1 }).toFile(out)
    return {}
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  let answer
  try {
    answer = await answers[asked.do](asked)
  } catch (error) {
    answer = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}

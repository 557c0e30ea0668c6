// What hangs in the gallery; the files are drawn by pictures.mjs.
const titles = { dunes: 'Dunes at noon', dawn: 'Before dawn', aurora: 'Northern light', ember: 'Ember hills', mist: 'Mist in the valley', moon: 'Moonrise' }

export default defineEventHandler(() =>
  Object.entries(titles).map(([name, title]) => ({ file: `/pictures/${name}.jpg`, title, width: 1600, height: 1067 })),
)

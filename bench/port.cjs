// Loaded before a bundle's server: moves what it would bind, the port 3000 of the specification, to PORT.
const { Server } = require('node:net')

const own = Server.prototype.listen
const isThree = port => Number(port) === 3000
Server.prototype.listen = function (first, ...rest) {
  if (isThree(first)) return own.call(this, process.env.PORT, ...rest)
  if (first !== null && typeof first === 'object' && isThree(first.port)) {
    return own.call(this, { ...first, port: process.env.PORT }, ...rest)
  }
  return own.call(this, first, ...rest)
}

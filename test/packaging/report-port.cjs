/** Preloaded into an application: tells the process that started it at which port it listens. */
const { Server } = require('node:net');

const { listen } = Server.prototype;
Server.prototype.listen = function (...args) {
  this.once('listening', () => process.send?.(this.address().port));
  return listen.apply(this, args);
};

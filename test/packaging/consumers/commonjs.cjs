require('reflect-metadata');
const enrol = require('./enrol.cjs');

enrol({
  common: require('@nestjs/common'),
  core: require('@nestjs/core'),
  eventEmitter: require('@nestjs/event-emitter'),
  nestTypeorm: require('@nestjs/typeorm'),
  totp: require('nestjs-totp'),
  testing: require('nestjs-totp/testing'),
}).then(() => console.log('enrolled'));

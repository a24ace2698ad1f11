require('reflect-metadata');
const assert = require('node:assert/strict');
const { TotpArgumentError } = require('nestjs-totp');
const { readDeviceCsv } = require('nestjs-totp-cli');

const csv = 'user_id,secret\nann,MZXXEIDUMVZXI4ZAN5XGY6J2EBQW43RO\n';
const { devices } = readDeviceCsv(csv);
// The errors are those of the one copy of the module.
assert.throws(() => readDeviceCsv(''), TotpArgumentError);
console.log(`read ${devices.length} device`);

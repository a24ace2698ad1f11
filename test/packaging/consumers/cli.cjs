require('reflect-metadata');
const assert = require('node:assert/strict');
const { TotpArgumentError } = require('nestjs-totp');
const { readDeviceCsv } = require('nestjs-totp-cli');

async function main() {
  const read = await readDeviceCsv('user_id,secret\nann,MZXXEIDUMVZXI4ZAN5XGY6J2EBQW43RO\n').next();
  // The errors are those of the one copy of the module.
  await assert.rejects(readDeviceCsv('').next(), TotpArgumentError);
  console.log(`read ${read.value.devices.length} device`);
}
main();

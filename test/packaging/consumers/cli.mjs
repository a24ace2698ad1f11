import 'reflect-metadata';
import assert from 'node:assert/strict';
import { TotpArgumentError } from 'nestjs-totp';
import { readDeviceCsv } from 'nestjs-totp-cli';

const csv = 'user_id,secret\nann,MZXXEIDUMVZXI4ZAN5XGY6J2EBQW43RO\n';
const { devices } = readDeviceCsv(csv);
// The errors are those of the one copy of the module.
assert.throws(() => readDeviceCsv(''), TotpArgumentError);
console.log(`read ${devices.length} device`);

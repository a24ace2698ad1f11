import 'reflect-metadata';
import assert from 'node:assert/strict';
import { TotpArgumentError } from 'nestjs-totp';
import { readDeviceCsv } from 'nestjs-totp-cli';

const read = await readDeviceCsv('user_id,secret\nann,MZXXEIDUMVZXI4ZAN5XGY6J2EBQW43RO\n').next();
// The errors are those of the one copy of the module.
await assert.rejects(readDeviceCsv('').next(), TotpArgumentError);
console.log(`read ${read.value.devices.length} device`);

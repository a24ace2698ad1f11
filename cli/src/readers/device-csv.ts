/** The module's own CSV of devices, for products without a reader here: see docs/import.md. */
import {
  base32Secret,
  checkClaim,
  type ForeignDevice,
  type ForeignDevices,
  hexSecret,
  type Refusal,
  sortedPages,
} from './foreign-device.js';
import { readCsv, type Row } from './rows.js';
import type { TextInput } from './text.js';

const COLUMNS = {
  required: [['user_id'], ['secret', 'secret_hex']],
  optional: ['device_name', 'algorithm', 'digits', 'period', 'skew'],
  mayHaveOthers: false,
};

/**
 * Reads a CSV whose first line names its columns: `user_id`, then `secret` (Base32) or `secret_hex`, and where needed
 * `device_name`, `algorithm`, `digits`, `period` (s) and `skew` (steps), in any order. An empty cell has the usual value.
 *
 * @param input the text, or the bytes of the file as they come: then it may have any size
 * @returns pages, as `importForeignDevices` takes them
 * @example
 * await importForeignDevices(totp, readDeviceCsv(createReadStream('devices.csv')));
 * @throws TotpArgumentError, while it is read, when the input is not CSV, or a column is missing, unknown or there twice
 */
export function readDeviceCsv(input: TextInput): AsyncGenerator<ForeignDevices> {
  return sortedPages(readCsv(input, COLUMNS, readRow));
}

function readRow({ source, cell }: Row): ForeignDevice | Refusal {
  const base32 = cell('secret')?.trim() ?? '';
  const hex = cell('secret_hex')?.trim() ?? '';
  if (base32 === '' && hex === '') return { source, reason: 'has no secret: fill in secret or secret_hex' };
  if (base32 !== '' && hex !== '') return { source, reason: 'has two secrets: leave secret or secret_hex empty' };
  const userId = cell('user_id') ?? '';
  if (/^[0-9](?:[.,][0-9]+)?E\+[0-9]+$/i.test(userId)) {
    const reason = `user_id is ${userId}: a spreadsheet has rounded it. Format the column as text, and export it again`;
    return { source, reason };
  }
  const deviceName = cell('device_name');
  return checkClaim({
    source,
    userId,
    deviceName: deviceName === '' ? undefined : deviceName,
    secret: hex === '' ? base32Secret(base32, 'secret') : hexSecret(hex, 'secret_hex'),
    algorithm: cell('algorithm')?.trim(),
    digits: cell('digits')?.trim(),
    period: cell('period')?.trim(),
    skew: cell('skew')?.trim(),
  });
}

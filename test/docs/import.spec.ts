import { readDeviceCsv, readKeyUris } from 'nestjs-totp-cli';
import { collected } from '../support/pages.js';
import { TotpArgumentError } from '../../src/shared/errors.js';
import { read } from './documents.js';

const page = read('docs/import.md');

/** The first block of code after a heading. */
function example(heading: string): string {
  const [, code = ''] = /```[a-z]*\n([^`]*)```/.exec(page.slice(page.indexOf(`\n## ${heading}\n`))) ?? [];
  return code;
}

describe('docs/import.md', () => {
  it('shows a list of key URIs that is read', () => {
    expect(readKeyUris(example('`otpauth://` URIs'))).toMatchObject({
      devices: [{ source: 'line 2', issuer: 'Acme', account: 'ann@example.com' }],
      refused: [],
    });
  });

  it('shows a CSV that is read', async () => {
    expect(await collected(readDeviceCsv(example('CSV')))).toMatchObject({
      devices: [{ source: 'line 2', userId: 'ann', deviceName: "Ann's phone, blue", digits: 6, period: 30 }],
      refused: [],
    });
  });

  it('names every column of the CSV, and no other', async () => {
    const rows = page.slice(page.indexOf('| column ')).split('\n\n')[0]?.split('\n').slice(2) ?? [];
    const named = rows.flatMap((row) =>
      Array.from((row.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g), ([, name]) => name),
    );
    const error: unknown = await collected(readDeviceCsv('user_id\n')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TotpArgumentError);
    const known = String(error).split('between: ')[1];
    expect(named.sort()).toEqual(known?.split(',').sort());
  });
});

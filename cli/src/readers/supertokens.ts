/** Rows of SuperTokens' table `totp_user_devices`, as CSV or as JSON. */
import { TotpArgumentError } from 'nestjs-totp';
import {
  base32Secret,
  checkClaim,
  type ForeignDevice,
  type ForeignDevices,
  type Refusal,
  sorted,
  sortedPages,
} from './foreign-device.js';
import { readCsv, type Row } from './rows.js';
import { filledLines, followedBy, startOf, textOf, type TextInput, wholeTextOf } from './text.js';

/** The columns that matter; each is `NOT NULL` in SuperTokens' schema. Its core makes codes with SHA-1 and 6 digits alone. */
export const SUPERTOKENS_COLUMNS = ['user_id', 'device_name', 'secret_key', 'period', 'skew', 'verified'] as const;

const COLUMNS = {
  required: SUPERTOKENS_COLUMNS.map((name) => [name]),
  optional: ['app_id', 'created_at'],
  mayHaveOthers: true,
};

/** The app of an installation that has made no other. */
export const DEFAULT_APP = 'public';

const TRUTHS = ['t', 'true', '1'];
const UNTRUTHS = ['f', 'false', '0'];

/**
 * Reads rows of `totp_user_devices`: CSV with a header, a JSON array of objects, or one JSON object in each line.
 *
 * A device that its owner never verified is refused: nobody knows whether an authenticator app has its secret.
 *
 * @param input the text, or the bytes of the file as they come: CSV may then have any size
 * @param options.appId whose rows are read, where the text has a column `app_id`: default `public`, as in SuperTokens
 * @returns pages, as `importForeignDevices` takes them
 * @throws TotpArgumentError, while it is read, when the input is neither, or a column of the CSV is missing or there twice
 */
export async function* readSuperTokensDevices(
  input: TextInput,
  options: { readonly appId?: string } = {},
): AsyncGenerator<ForeignDevices> {
  const { appId = DEFAULT_APP } = options;
  const read = (row: Row) => readSuperTokensRow(row, appId);
  const text = textOf(input);
  const start = await startOf(text, (first) => /\S/.test(first));
  const whole = followedBy(start, text);
  const first = /\S/.exec(start)?.[0]; // a byte order mark counts as whitespace
  if (first === '[') {
    const values = arrayOf(await wholeTextOf(whole));
    yield sorted(values.map((value, index) => readJson(value, `record ${String(index + 1)}`, read)));
  } else if (first === '{') yield sorted(readJsonLines(await wholeTextOf(whole), read));
  else yield* sortedPages(readCsv(whole, COLUMNS, read));
}

export function readSuperTokensRow({ source, cell }: Row, appId: string): ForeignDevice | Refusal {
  const app = cell('app_id') ?? appId;
  if (app !== appId) return { source, reason: 'belongs to another app than the one that is imported (app_id)' };
  const missing = SUPERTOKENS_COLUMNS.find((name) => (cell(name) ?? '') === '');
  if (missing !== undefined) return { source, reason: `${missing} is missing` };

  const verified = (cell('verified') ?? '').toLowerCase();
  if (UNTRUTHS.includes(verified)) {
    return { source, reason: 'was never verified, so its owner may not have it: they have to enrol again' };
  }
  if (!TRUTHS.includes(verified)) return { source, reason: 'verified is neither true nor false' };
  return checkClaim({
    source,
    userId: cell('user_id'),
    // SuperTokens trims names in its bulk import, but not all rows came that way.
    deviceName: cell('device_name')?.trim(),
    secret: base32Secret(cell('secret_key') ?? '', 'secret_key'),
    period: cell('period'),
    skew: cell('skew'),
  });
}

/** A row of named values, as a database driver or JSON gives it. */
export function rowOf(values: object, source: string): Row {
  const cells = new Map<string, unknown>(Object.entries(values));
  return {
    source,
    cell: (name) => {
      const value = cells.get(name);
      if (typeof value === 'string') return value;
      return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
        ? String(value)
        : undefined;
    },
  };
}

function* readJsonLines(text: string, read: (row: Row) => ForeignDevice | Refusal): Generator<ForeignDevice | Refusal> {
  for (const line of filledLines(text)) {
    const source = `line ${String(line.number)}`;
    let value: unknown;
    try {
      value = JSON.parse(line.text);
    } catch {
      // Its messages repeat the text.
      yield { source, reason: 'is not JSON: each line holds one whole object' };
      continue;
    }
    yield readJson(value, source, read);
  }
}

function readJson(
  value: unknown,
  source: string,
  read: (row: Row) => ForeignDevice | Refusal,
): ForeignDevice | Refusal {
  if (typeof value !== 'object' || value === null) return { source, reason: 'is not a JSON object' };
  return read(rowOf(value, source));
}

function arrayOf(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text.trim());
    if (Array.isArray(value)) return value;
  } catch {
    // Its messages repeat the text.
  }
  throw new TotpArgumentError('The JSON was not read: it must be one whole array, or one object in each line');
}

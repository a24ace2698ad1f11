/** Rows with named cells, and how they are read from CSV (RFC 4180). */
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { TotpArgumentError } from 'nestjs-totp';
import type { ForeignDevice, Refusal } from './foreign-device.js';
import { followedBy, startOf, textOf, type TextInput } from './text.js';

export interface Row {
  /** Where it is in the input, for people. */
  readonly source: string;
  /** The text of a cell; undefined when the row has no such column. */
  readonly cell: (name: string) => string | undefined;
}

export interface Columns {
  /** The columns that must be there: of each group at least one. */
  readonly required: readonly (readonly string[])[];
  readonly optional: readonly string[];
  /** Whether the table may have further columns, which mean nothing here. */
  readonly mayHaveOthers: boolean;
}

/** Far more than a row of any known column needs; a quote that is never closed ends here. */
const MAX_ROW_LENGTH = 16_384;
const MAX_COLUMNS = 100;
const MAX_CELLS = 1_000;
const [NEWLINE, CARRIAGE_RETURN] = [10, 13];
/** What stands between cells: spreadsheets write semicolons where the comma is for decimals. */
const DELIMITERS = [',', ';', '\t'] as const;

/**
 * Reads a CSV whose first line names the columns, in any order, as it comes in: neither the file nor its rows are in memory as a whole.
 *
 * @param input with commas, semicolons or tabs between the cells; a byte order mark, a line `sep=;`, CRLF, quoted cells and empty columns at
 *   the end are understood, and column names in any case
 * @throws TotpArgumentError when the input is not CSV, or a column is missing, unknown or there twice
 */
export async function* readCsv<T = ForeignDevice | Refusal>(
  input: TextInput,
  columns: Columns,
  read: (row: Row) => T,
): AsyncGenerator<T | Refusal> {
  let header: Header | undefined;
  let lastLine = 0;
  const { body, delimiter, linesBefore } = await delimited(textOf(input));
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    max_record_size: MAX_ROW_LENGTH,
    relax_column_count: true,
    skip_empty_lines: true,
    // Here, and not where the rows are taken: an error comes before the rows that were read and not taken yet.
    on_record: (row: string[], { lines }) => {
      lastLine = lines + linesBefore;
      return row;
    },
  });
  // What goes wrong is thrown by the loop below.
  pipeline(Readable.from(withoutEndlessRows(body, delimiter)), parser, () => undefined);
  const rows: AsyncIterable<ParsedRow> = parser;
  try {
    for await (const { record: cells, info } of rows) {
      const line = info.lines + linesBefore;
      if (header === undefined) header = new Header(cells, columns);
      else yield header.isFilledBy(cells) ? read(header.row(cells, line)) : header.refusal(cells, line);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Its messages repeat the content of the file.
    throw new TotpArgumentError(
      `The CSV was not read: the row after line ${String(lastLine)} is broken, or longer than ${String(MAX_ROW_LENGTH)} ` +
        'characters. A quoted cell must end with a quote, and a quote inside of it is written twice ("").',
    );
  }
  if (header === undefined) throw new TotpArgumentError(`The CSV is empty: ${firstLine(columns)}`);
}

interface ParsedRow {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

interface Delimited {
  readonly body: AsyncIterable<string>;
  readonly delimiter: string;
  /** Lines that `body` does not have. */
  readonly linesBefore: number;
}

/** The delimiter that a first line `sep=;` names, or else the most frequent one of the first line that is not empty. */
async function delimited(text: AsyncGenerator<string, void>): Promise<Delimited> {
  const start = await startOf(text, (read) => read.length >= MAX_ROW_LENGTH || /\S(?:\n|\r[^])/.test(read));
  const named = /^\uFEFF?"?sep=([,;\t])"?\r?\n/i.exec(start);
  if (named !== null) {
    return { body: followedBy(start.slice(named[0].length), text), delimiter: named[1] ?? ',', linesBefore: 1 };
  }
  const [first = ''] = /[^\r\n]+/.exec(start.slice(0, MAX_ROW_LENGTH)) ?? [];
  const countOf = (delimiter: string) => first.split(delimiter).length;
  const delimiter = DELIMITERS.reduce((best, other) => (countOf(other) > countOf(best) ? other : best));
  return { body: followedBy(start, text), delimiter, linesBefore: 0 };
}

/** csv-parse counts the characters of a row's cells, so a row of delimiters alone would grow without end. */
async function* withoutEndlessRows(text: AsyncIterable<string>, delimiter: string): AsyncGenerator<string> {
  const code = delimiter.charCodeAt(0);
  let delimiters = 0;
  for await (const piece of text) {
    for (let index = 0; index < piece.length; index++) {
      const character = piece.charCodeAt(index);
      if (character === NEWLINE || character === CARRIAGE_RETURN) delimiters = 0;
      else if (character === code && ++delimiters > MAX_CELLS) {
        throw new TotpArgumentError(`The CSV was not read: a row has more than ${String(MAX_CELLS)} cells`);
      }
    }
    yield piece;
  }
}

class Header {
  private readonly positions: ReadonlyMap<string, number>;
  private readonly width: number;

  constructor(
    cells: readonly string[],
    private readonly columns: Columns,
  ) {
    this.width = cells.findLastIndex((cell) => cell.trim() !== '') + 1;
    const names = cells.slice(0, Math.min(this.width, MAX_COLUMNS)).map((cell) => cell.trim().toLowerCase());
    this.positions = new Map(names.map((name, index) => [name, index]));
    this.check(names);
  }

  private check(names: readonly string[]): void {
    const known = knownNames(this.columns);
    const fail = (problem: string): never => {
      throw new TotpArgumentError(`The CSV was not read: ${problem}. ${firstLine(this.columns)}`);
    };
    // A first line that is a row already is not repeated: it holds a secret.
    if (!names.some((name) => known.includes(name))) fail('its first line does not name the columns');
    if (this.width > MAX_COLUMNS) fail(`it has more than ${String(MAX_COLUMNS)} columns`);
    const missing = this.columns.required.filter((group) => !group.some((name) => names.includes(name)));
    if (missing.length > 0)
      fail(`there is no column ${missing.map((group) => group.join(' or ')).join(' and no column ')}`);
    const twice = known.find((name) => names.filter((other) => other === name).length > 1);
    if (twice !== undefined) fail(`the column ${twice} is there twice`);
    if (this.columns.mayHaveOthers) return;
    const unknown = names.flatMap((name, index) => (known.includes(name) ? [] : [columnText(name, index + 1)]));
    if (unknown.length > 0) fail(`unknown: ${unknown.join(', ')}`);
  }

  isFilledBy(cells: readonly string[]): boolean {
    return cells.length >= this.width && cells.slice(this.width).every((cell) => cell.trim() === '');
  }

  row(cells: readonly string[], line: number): Row {
    return {
      source: lineText(line),
      cell: (name) => {
        const position = this.positions.get(name);
        return position === undefined ? undefined : cells[position];
      },
    };
  }

  refusal(cells: readonly string[], line: number): Refusal {
    return {
      source: lineText(line),
      reason: `has ${String(cells.length)} cells, and the first line names ${String(this.width)} columns`,
    };
  }
}

function knownNames({ required, optional }: Columns): readonly string[] {
  return [...required.flat(), ...optional];
}

function firstLine(columns: Columns): string {
  return `The first line names the columns, with commas between: ${knownNames(columns).join(',')}`;
}

/** A column's name if it looks like one. Secrets of 16 bytes are longer. */
function columnText(name: string, position: number): string {
  const column = `column ${String(position)}`;
  return /^[A-Za-z][A-Za-z_ -]{0,14}$/.test(name) ? `${column} (${name})` : column;
}

function lineText(line: number): string {
  return `line ${String(line)}`;
}

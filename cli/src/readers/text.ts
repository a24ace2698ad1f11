/** Files as text, and text as lines. */
import { TotpArgumentError } from 'nestjs-totp';
import { constants } from 'node:buffer';

/** What a reader reads: a whole text, or the pieces of a file as they come, such as `createReadStream('devices.csv')`. */
export type TextInput = string | AsyncIterable<Uint8Array | string>;

/**
 * The text of an input, in pieces.
 *
 * @throws TotpArgumentError when it is not UTF-8, which is the one encoding that every format here is read in
 */
export async function* textOf(input: TextInput): AsyncGenerator<string, void> {
  if (typeof input === 'string') {
    yield input;
    return;
  }
  // A byte order mark is left to the readers, as in a text.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    for await (const piece of input) yield typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!isEncodingError(error)) throw error;
    // Its own message says nothing of use.
    throw new TotpArgumentError('The file is not UTF-8 text: save it as UTF-8 (PowerShell: Out-File -Encoding utf8)');
  }
}

function isEncodingError(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
  );
}

/**
 * The whole text of an input, without a byte order mark.
 *
 * @param limit in UTF-16 units: what a string can hold
 * @throws TotpArgumentError when it is longer, or not UTF-8
 */
export async function wholeTextOf(input: TextInput, limit: number = constants.MAX_STRING_LENGTH): Promise<string> {
  const pieces: string[] = [];
  let length = 0;
  for await (const piece of textOf(input)) {
    length += piece.length;
    if (length > limit) {
      throw new TotpArgumentError('The file is too long to be read at once: split it in parts of at most 500 MB');
    }
    pieces.push(piece);
  }
  return pieces.join('').replace(/^\uFEFF/, '');
}

/** The first pieces of a text, until there are enough, or no more. What follows stays in `text`. */
export async function startOf(
  text: AsyncGenerator<string, void>,
  isEnough: (start: string) => boolean,
): Promise<string> {
  let start = '';
  while (!isEnough(start)) {
    const next = await text.next();
    if (next.done === true) break;
    start += next.value;
  }
  return start;
}

/** A text whose start was read already. */
export async function* followedBy(start: string, text: AsyncGenerator<string, void>): AsyncGenerator<string> {
  yield start;
  yield* text;
}

export interface Line {
  readonly number: number;
  readonly text: string;
}

/** The non-empty lines of a string, trimmed, numbered from 1. */
export function* filledLines(text: string): Generator<Line> {
  let number = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    number += 1;
    const trimmed = line.trim(); // a byte order mark, too
    if (trimmed !== '') yield { number, text: trimmed };
  }
}

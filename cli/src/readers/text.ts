/** Files as text, and text as lines. */
import { TotpArgumentError } from 'nestjs-totp';
import { constants } from 'node:buffer';

/**
 * The text of a file.
 *
 * @throws TotpArgumentError when the file is not UTF-8, which is the one encoding that every format here is read in, or is longer
 *   than a text can be
 */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length > constants.MAX_STRING_LENGTH) {
    throw new TotpArgumentError('The file is too long to be read at once: split it in parts of at most 500 MB');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // Its own message says nothing of use.
    throw new TotpArgumentError('The file is not UTF-8 text: save it as UTF-8 (PowerShell: Out-File -Encoding utf8)');
  }
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

/** Output of the commands: reports on standard output, progress and errors on standard error. */
import { Console } from 'node:console';
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /** @param total the final value of `done`, if it is known */
  show(done: number, total: number | undefined): void;
  stop(): void;
}

/** A progress bar, or a line every 5 seconds without a terminal. It appears with the first progress. */
export function progressBar(what: string): Progress {
  let bar: SingleBar | undefined;
  return {
    show(done, total) {
      bar ??= startedBar(what, total);
      bar.update(done);
    },
    stop() {
      bar?.stop();
    },
  };
}

function startedBar(what: string, total: number | undefined): SingleBar {
  const amount = total === undefined ? '{value}' : '{bar} {percentage} % · {value} of {total} · {eta_formatted} left';
  const options = { format: `${what} ${amount}`, stream: process.stderr, noTTYOutput: true, notTTYSchedule: 5_000 };
  const bar = new SingleBar(options, Presets.shades_classic);
  bar.start(total ?? 0, 0);
  return bar;
}

/** Rows under headings, in columns; numbers are aligned to the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? count(cell) : cell)));
  const widths = headings.map((heading, n) => Math.max(heading.length, ...texts.map((row) => row[n]?.length ?? 0)));
  const line = (cells: readonly string[], isNumber: (n: number) => boolean) =>
    cells
      .map((cell, n) => (isNumber(n) ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0)))
      .join('  ')
      .trimEnd();
  const isNumber = (n: number) => typeof rows[0]?.[n] === 'number';
  return [line(headings, isNumber), ...texts.map((row) => line(row, isNumber))].join('\n');
}

/** `12,345 users`, `1 user`. */
export function count(n: number, thing?: string): string {
  const number = n.toLocaleString('en');
  return thing === undefined ? number : `${number} ${thing}${n === 1 ? '' : 's'}`;
}

/** Prints a report. */
export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** Keeps standard output for the reports, and the command running when their reader is gone. */
export function useStreams(): void {
  // The application's files may log something when they are loaded.
  globalThis.console = new Console(process.stderr);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** Strings from files and from the database must not control the terminal. Escaped as in JSON, so that JSON stays JSON. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

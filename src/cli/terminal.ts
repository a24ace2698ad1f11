/** What the commands show: reports on standard output, progress on standard error. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /** @param total what `done` will be in the end */
  show(done: number, total: number): void;
  stop(): void;
}

/** A progress bar; a line every few seconds where there is no terminal. It appears with the first progress. */
export function progressBar(what: string): Progress {
  const format = `${what} {bar} {percentage} % · {value} of {total} · {eta_formatted} left`;
  const bar = new SingleBar(
    {
      format,
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 5_000,
      clearOnComplete: false,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  let isRunning = false;
  return {
    show(done, total) {
      if (!isRunning) bar.start(total, 0);
      isRunning = true;
      bar.setTotal(total);
      bar.update(done);
    },
    stop() {
      if (isRunning) bar.stop();
    },
  };
}

/** Rows under headings, in columns; numbers to the right. */
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

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What an application writes to its log, line by line, as Nest's own logger writes it. */
import { ConsoleLogger } from '@nestjs/common';
import { jest } from '@jest/globals';
import type { Records } from './visitor.js';

export class Log {
  readonly lines: string[] = [];
  readonly logger = new ConsoleLogger({ colors: false, forceConsole: true });

  /** Everything that is printed from now on goes to `lines` only; `jest.restoreAllMocks` ends it. */
  open(): void {
    for (const stream of ['log', 'info', 'debug', 'warn', 'error'] as const) {
      jest.spyOn(console, stream).mockImplementation((...texts: unknown[]) => {
        this.lines.push(...texts.map(String));
      });
    }
    jest.spyOn(process, 'emitWarning').mockImplementation((warning) => {
      this.lines.push(String(warning));
    });
  }

  /** Lines that must not be there: with characters that a terminal obeys, or with what was shown to a user alone. */
  problems({ secrets, codes }: Records): string[] {
    return this.lines.filter(
      (line) =>
        hasLineOfItsOwn(line) ||
        /[^\n\P{Cc}]|[\p{Zl}\p{Zp}]/u.test(line) ||
        /otpauth|data:image/.test(line) ||
        pieces(line).some((piece) => secrets.has(piece)) ||
        [...line.replace(/^\[Nest\] \d+/, '').matchAll(/(?<!\d)\d{6}(?!\d)/g)].some(([digits]) => codes.has(digits)),
    );
  }
}

/** The line breaks of a stack are the logger's own; what an input breaks off would not begin as a stack's lines do. */
function hasLineOfItsOwn(line: string): boolean {
  return line
    .split('\n')
    .slice(1)
    .some((next) => !/^\s|^\S*Error|^$|^\}|^\]/.test(next));
}

/** Whatever may be a secret of 20 bytes, in Base32 or in Base64. */
function pieces(line: string): string[] {
  return [...line.matchAll(/[A-Za-z0-9+/]{27,}=?/g)].flatMap(([run]) =>
    Array.from(run, (_, at) => [run.slice(at, at + 32), run.slice(at, at + 28)]).flat(),
  );
}

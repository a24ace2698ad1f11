/** What every spec of the suite logs and prints, searched for secrets when the spec ends: check S4. */
import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';

const entries: string[] = [];

function note(...written: unknown[]): void {
  entries.push(written.map((one) => (typeof one === 'string' ? one : inspect(one, { depth: Infinity }))).join(' '));
}

/** The logger of the applications under test: it keeps what they log, and prints nothing. */
export const suiteLogger: LoggerService = {
  log: note,
  error: note,
  warn: note,
  debug: note,
  verbose: note,
  fatal: note,
};

/** Also keeps what is printed past any logger; it is printed all the same. */
export function listenToOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = new Proxy(stream.write, {
      apply: (_, __, args: Parameters<typeof write>) => {
        note(typeof args[0] === 'string' ? args[0] : Buffer.from(args[0]).toString());
        return write(...args);
      },
    });
  }
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    const print = console[level].bind(console);
    console[level] = (...args: unknown[]) => {
      note(...args);
      print(...args);
    };
  }
}

/** Forgets what was kept, and returns those of its lines that hold a secret. */
export function takeLeaks(): string[] {
  return entries
    .splice(0)
    .flatMap((entry) => entry.split('\n'))
    .filter(holdsSecret);
}

/** Matches strings that can only be secrets. */
export function holdsSecret(line: string): boolean {
  return (
    /otpauth(-migration)?:\/\/|data:image\//.test(line) ||
    // A secret of 16 bytes or more in Base32, and one of 20 in hex.
    /(?<![A-Za-z0-9+/_-])([A-Z2-7]{26,}=*|[0-9a-f]{40})(?![A-Za-z0-9+/_-])/.test(line) ||
    // Sealed or in plain text, as it is stored.
    /[a-z0-9-]{1,16}:v1\.[\w-]{38,}|plain:[A-Za-z0-9+/]{22,}/.test(line) ||
    // A key of 32 bytes in Base64.
    /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=/.test(line)
  );
}

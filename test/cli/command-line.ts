/** Runs the built command line in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import type { OpenDatabase } from '../support/databases.js';

const ROOT = join(import.meta.dirname, '..', '..');
export const DATA_SOURCE = join(import.meta.dirname, 'data-source.js');
export const SUPERTOKENS = join(import.meta.dirname, 'supertokens-data-source.js');

export interface Ended {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** @param input what is piped in */
export function runCommand(
  args: readonly string[],
  database?: Pick<OpenDatabase, 'options'>,
  input = '',
): Promise<Ended> {
  return startCommand(args, database, input).ended;
}

/** As `runCommand`, for a test that acts before it ends. */
export function startCommand(args: readonly string[], database?: Pick<OpenDatabase, 'options'>, input = ''): Running {
  const child = spawn(process.execPath, [join(ROOT, 'cli', 'bin', 'nestjs-totp-cli.js'), ...args], {
    env: { ...process.env, ...(database && { TOTP_DATABASE: JSON.stringify(database.options) }) },
  });
  child.stdin.end(input);
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ended = Promise.all([shown(child.stdout), shown(child.stderr), closed]);
  return { child, ended: ended.then(([out, errors, code]) => ({ code, out, errors })) };
}

/** Nothing of a stream that the test has closed. */
function shown(stream: Readable): Promise<string> {
  return text(stream).catch((error: unknown) => {
    if (stream.destroyed) return '';
    throw error;
  });
}

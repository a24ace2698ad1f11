/** Runs the model in `spec/account.pml` with SPIN: explores all of its executions, or simulates one of them. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pathOf } from '../faults/own-servers.js';
import type { Step } from './replay.js';

// cspell:ignore DSAFETY DNOFAIR
const run = promisify(execFile);
const MODEL = join(process.cwd(), 'spec', 'account.pml');

const isThere = pathOf('spin') !== undefined && pathOf('gcc') !== undefined;
if (!isThere) process.stderr.write('SPIN is missing, so the model is not explored: apt-get install spin gcc.\n');

/** For tests that need SPIN: skipped without it, unless everything is required. */
export const describeWithSpin = isThere || process.env.TOTP_TEST_REQUIRE_ALL === '1' ? describe : describe.skip;

/** Macros of the model. */
export type Settings = Readonly<Record<string, string | number>>;

export interface Exploration {
  /** How many executions were found in which the claim does not hold: the search ends with the first. */
  readonly errors: number;
  readonly states: number;
}

/** A model that was compiled into a program that explores it. */
export class Explorer {
  private constructor(
    private readonly folder: string,
    private readonly isEndless: boolean,
  ) {}

  /** @param isEndless whether claims are about executions as a whole, and not only about their states */
  static async compile(settings: Settings = {}, isEndless = false): Promise<Explorer> {
    const folder = await mkdtemp(join(tmpdir(), 'spin-'));
    await run('spin', ['-a', ...macros(settings), MODEL], { cwd: folder });
    const flags = [
      'SCENARIO' in settings ? '-O0' : '-O2',
      '-w',
      '-DCOLLAPSE',
      '-DVECTORSZ=2048',
      '-DNOFAIR',
      ...(isEndless ? [] : ['-DSAFETY']),
    ];
    await run('gcc', [...flags, '-o', 'pan', 'pan.c'], { cwd: folder });
    return new Explorer(folder, isEndless);
  }

  async explore(claim: string): Promise<Exploration> {
    // -n: no report of statements that were not reached; -a: executions without end too.
    const flags = [...(this.isEndless ? ['-a'] : []), '-m100000', '-n', '-N', claim];
    const { stdout } = await run(join(this.folder, 'pan'), flags, { cwd: this.folder, maxBuffer: 2 ** 24 });
    const errors = /errors: (\d+)/.exec(stdout)?.[1];
    const states = /(\d+) states, stored/.exec(stdout)?.[1];
    const isComplete = !/max search depth too small|out of memory|Search not completed/.test(stdout) || errors !== '0';
    if (errors === undefined || states === undefined || !isComplete) throw new Error(`SPIN did not finish:\n${stdout}`);
    return { errors: Number(errors), states: Number(states) };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What the model says it does in one execution, which the seed chooses. */
export function simulate(seed: number, settings: Settings = {}): Step[] {
  const output = execFileSync('spin', ['-T', `-n${String(seed)}`, ...macros(settings), MODEL], { encoding: 'utf8' });
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  const steps: Step[] = JSON.parse(`[${lines.join()}]`);
  return steps;
}

function macros(settings: Settings): string[] {
  return Object.entries(settings).map(([name, value]) => `-D${name}=${String(value)}`);
}

/** Runs the models in `spec/` with SPIN: explores all of their executions, or simulates one of them. */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pathOf } from '../faults/server-process.js';
import type { RelayStep } from './relay-replay.js';
import type { Step } from './replay.js';

// cspell:ignore DSAFETY DNOFAIR
const run = promisify(execFile);

/** Calls about one user, or the relay of the outbox. */
export type Model = 'account' | 'outbox';

const pathOfModel = (model: Model) => join(process.cwd(), 'spec', `${model}.pml`);

/** What the model of calls can ask for at once. */
export const scenarios = namesIn('account', /isScenario\((\w+)\) ->/g);

/** The safeguards that can be taken away from a model. */
export const defectsOf = (model: Model) => namesIn(model, /DEFECT [!=]= ([A-Z]\w+)/g);

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

export interface Search {
  readonly settings?: Settings;
  /** Whether the claim is about executions as a whole, and not only about their states. */
  readonly isEndless?: boolean;
  /** How many steps an execution is followed; to its end by default. What does not fail within them may fail later. */
  readonly depth?: number;
}

export async function explore(
  model: Model,
  claim: string,
  { settings = {}, isEndless = false, depth }: Search = {},
): Promise<Exploration> {
  const cwd = await mkdtemp(join(tmpdir(), 'spin-'));
  try {
    await run('spin', ['-a', ...macros(settings), pathOfModel(model)], { cwd });
    // A single scenario is explored faster than it is optimised.
    const speed = model === 'account' && 'SCENARIO' in settings ? '-O0' : '-O2';
    const kind = isEndless ? [] : ['-DSAFETY'];
    await run('gcc', [speed, '-w', '-DCOLLAPSE', '-DVECTORSZ=2048', '-DNOFAIR', ...kind, '-o', 'pan', 'pan.c'], {
      cwd,
    });
    const flags = [...(isEndless ? ['-a'] : []), `-m${String(depth ?? 1_000_000)}`, '-n', '-N', claim];
    const { stdout } = await run(join(cwd, 'pan'), flags, { cwd, maxBuffer: 2 ** 24 });
    return readExploration(stdout, depth !== undefined);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

function readExploration(report: string, mayBeCutShort: boolean): Exploration {
  const [, errors] = /errors: (\d+)/.exec(report) ?? [];
  const [, states] = /(\d+) states, stored/.exec(report) ?? [];
  const isCutShort =
    !mayBeCutShort && errors === '0' && /max search depth too small|out of memory|Search not completed/.test(report);
  if (errors === undefined || states === undefined || isCutShort) throw new Error(`SPIN did not finish:\n${report}`);
  return { errors: Number(errors), states: Number(states) };
}

/** What the model of calls says it does in one execution, which the seed chooses. */
export function simulate(seed: number, settings: Settings = {}): Step[] {
  return linesOf('account', seed, settings, []);
}

/** What the model of the relay says it does in the first steps of an execution, which has no end. */
export function simulateRelay(seed: number, settings: Settings): RelayStep[] {
  return linesOf('outbox', seed, settings, ['-u1500']);
}

function linesOf<T>(model: Model, seed: number, settings: Settings, flags: readonly string[]): T[] {
  const args = ['-T', `-n${String(seed)}`, ...flags, ...macros(settings), pathOfModel(model)];
  const output = execFileSync('spin', args, { encoding: 'utf8' });
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  const steps: T[] = JSON.parse(`[${lines.join()}]`);
  return steps;
}

function namesIn(model: Model, pattern: RegExp): string[] {
  const text = readFileSync(pathOfModel(model), 'utf8');
  return [...new Set(Array.from(text.matchAll(pattern), ([, name = '']) => name))];
}

function macros(settings: Settings): string[] {
  return Object.entries(settings).map(([name, value]) => `-D${name}=${String(value)}`);
}

/** Compares this version with another revision: both are measured in turn, each by its own bench, on the same machine. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { comparison } from './support/report.js';

const PROJECT = join(import.meta.dirname, '..');
const execute = promisify(execFile);

/**
 * @param {string} revision of this repository, as Git reads it
 * @param {object} how
 * @param {readonly string[]} how.args of `run.js`, for both
 * @param {number} how.turns how often each is measured
 * @param {(text: string) => void} how.report told what is being done
 * @param {(close: () => Promise<void>) => void} how.defer told what to do at the end, also of an interrupted run
 * @returns for each row that both have, the ratios of this version's figures to the revision's, turn by turn
 */
export async function compare(revision, { args, turns, report, defer }) {
  const folder = await mkdtemp(join(tmpdir(), 'totp-bench-compare-'));
  const other = join(folder, 'revision');
  defer(async () => {
    await execute('git', ['worktree', 'remove', '--force', other], { cwd: PROJECT }).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  });
  report(`${revision}: installing and building`);
  await checkOut(revision, other);
  const results = [];
  for (let turn = 0; turn < turns; turn++) {
    const measured = {};
    // The two swap places, so that neither is always the one after the other.
    for (const name of turn % 2 === 0 ? ['here', 'there'] : ['there', 'here']) {
      report(`turn ${turn + 1} of ${turns}: ${name === 'here' ? 'this version' : revision}`);
      measured[name] = await measure(name === 'here' ? PROJECT : other, join(folder, 'report.json'), args);
    }
    results.push(measured);
  }
  return comparison(results);
}

async function checkOut(revision, folder) {
  await execute('git', ['worktree', 'add', '--detach', folder, `${revision}^{commit}`], { cwd: PROJECT });
  if (!existsSync(join(folder, 'bench/run.js'))) throw new Error(`--compare=${revision}: that revision has no bench.`);
  await npm(folder, ['ci']);
  await npm(folder, ['ci', '--prefix', 'bench']);
  await npm(folder, ['run', 'build']);
}

async function npm(folder, args) {
  await execute('npm', [...args, '--no-audit', '--no-fund'], { cwd: folder, maxBuffer: 2 ** 26 });
}

async function measure(folder, output, args) {
  await execute('node', [join(folder, 'bench/run.js'), '--rounds=1', ...args, `--output=${output}`], {
    cwd: folder,
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(await readFile(output, 'utf8'));
}

/** Runs the bench: `npm run bench` at the project's root. README.md says what the rows are and how to read them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import ora from 'ora';
import { compare } from './compare.js';
import { MEASUREMENTS, ON_REQUEST } from './measurements/index.js';
import { Bench } from './support/bench.js';
import { DATABASES, openServer } from './support/database-server.js';
import { comparisonTable, machine, summarise, table, warning } from './support/report.js';

const FULL = {
  warmUps: 2,
  rounds: 7,
  seconds: 1.5,
  users: 5_000,
  populations: [1_000, 100_000, 1_000_000],
  past: 100_000,
};
/** Shows that every row can be measured, and nothing else. */
const QUICK = { warmUps: 0, rounds: 1, seconds: 0.1, users: 32, populations: [50, 100], past: 20 };

const { values: args } = parseArgs({
  options: {
    database: { type: 'string', default: 'postgres' },
    only: { type: 'string', multiple: true },
    rows: { type: 'string', multiple: true },
    compare: { type: 'string' },
    rounds: { type: 'string' },
    populations: { type: 'string' },
    quick: { type: 'boolean', default: false },
    output: { type: 'string' },
  },
});
refuseUnknown('database', [args.database], DATABASES);
refuseUnknown('only', args.only ?? [], Object.keys(MEASUREMENTS));

const rounds = Number(args.rounds ?? FULL.rounds);
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds=${args.rounds} must be a whole number from 1.`);

const populations = args.populations?.split(',').map(Number) ?? FULL.populations;
if (!populations.every((count) => Number.isInteger(count) && count > 0)) {
  refuse(`--populations=${args.populations} must be whole numbers from 1, separated by commas: 1000,10000000.`);
}

const size = args.quick ? QUICK : { ...FULL, rounds, populations };
const isChosen = (name) => args.only?.includes(name) ?? !ON_REQUEST.includes(name);
const chosen = Object.entries(MEASUREMENTS).filter(([name]) => isChosen(name));
const output = args.output ?? join(import.meta.dirname, 'results', `${args.database}.json`);

const closers = [];
const progress = ora({ discardStdin: false });
process.once('SIGINT', () => void close().finally(() => process.exit(130)));

try {
  if (args.compare === undefined) await measureAll();
  else await compareWith(args.compare);
} finally {
  await close();
}

async function measureAll() {
  const startedAt = new Date();
  progress.start(`${args.database}: starting`);
  const server = await openServer(args.database);
  closers.push(() => server.close());

  const rows = [];
  for (const [name, rowsOf] of chosen) rows.push(...(await measure(server, name, rowsOf)));

  const { kind, version, settings } = server;
  const report = { startedAt, machine: machine(), database: { kind, version, settings }, size, rows };
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, `${JSON.stringify(report, null, 2)}\n`);
  progress.stop();
  console.log(table(rows));
  console.log(`${kind} ${version}, ${size.rounds} rounds of up to ${size.seconds} s. In full: ${output}`);
  console.log(args.quick ? 'This was a smoke run: its figures say nothing.' : warning(rows));
}

async function compareWith(revision) {
  progress.start();
  const rows = await compare(revision, {
    args: sharedArguments(),
    turns: rounds,
    report: (text) => (progress.text = text),
    defer: (close) => closers.push(close),
  });
  if (args.output !== undefined) await writeFile(args.output, `${JSON.stringify(rows, null, 2)}\n`);
  progress.stop();
  console.log(comparisonTable(rows, revision));
  console.log(
    args.quick ? 'This was a smoke run: its figures say nothing.' : warning(rows.map((row) => ({ ratio: row }))),
  );
}

/** What both versions of a comparison are run with. */
function sharedArguments() {
  const repeated = ['only', 'rows'].flatMap((option) => (args[option] ?? []).map((value) => `--${option}=${value}`));
  return [`--database=${args.database}`, ...repeated, ...(args.quick ? ['--quick'] : [])];
}

/** Takes the samples of one measurement's rows, row after row in each round, so that what changes on the machine meets all. */
async function measure(server, name, rowsOf) {
  const bench = new Bench(server, size);
  closers.push(() => bench.close());
  progress.text = `${name}: preparing`;
  const measured = wanted(await rowsOf(bench)).map((row) => ({ row, samples: [] }));
  for (let round = 1 - size.warmUps; round <= size.rounds; round++) {
    for (const { row, samples } of turned(measured, round)) {
      progress.text = `${name}: round ${Math.max(round, 0)} of ${size.rounds}, ${row.name}`;
      const sample = await row.measure();
      if (round > 0) samples.push(sample);
    }
  }
  await closers.pop()();
  return summarise(name, measured);
}

/** The rows whose names contain one of `--rows`, and what they are compared with. */
function wanted(rows) {
  const chosen = rows.filter(({ name }) => args.rows === undefined || args.rows.some((text) => name.includes(text)));
  return rows.filter((row) => chosen.some((one) => one === row || one.against === row.name));
}

async function close() {
  progress.stop();
  for (const one of closers.splice(0).reverse()) await one();
}

/** Each round begins with another row, so that none is always the one after the same other. */
function turned(rows, round) {
  const first = Math.max(round, 0) % rows.length;
  return [...rows.slice(first), ...rows.slice(0, first)];
}

function refuseUnknown(option, given, known) {
  const unknown = given.find((one) => !known.includes(one));
  if (unknown !== undefined) refuse(`--${option}=${unknown} is unknown: write one of ${known.join(', ')}.`);
}

function refuse(problem) {
  console.error(problem);
  process.exit(1);
}

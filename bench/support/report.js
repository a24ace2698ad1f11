/** From samples to the table that is printed and the JSON that is written. */
import { cpus, release, totalmem } from 'node:os';
import Table from 'cli-table3';
import { interquartileRange, median } from 'simple-statistics';

/** A ratio whose middle half of rounds is further apart than this is no basis for a comparison. */
const WIDEST_SPREAD = 0.15;

/** @param {{ row: import('./bench.js').Row, samples: object[] }[]} measured of one measurement */
export function summarise(measurement, measured) {
  return measured.map(({ row, samples }) => {
    const summary = {
      measurement,
      name: row.name,
      unit: row.unit,
      ...figures(samples.map(({ value }) => value)),
      p50: medianOf(samples, 'p50'),
      p99: medianOf(samples, 'p99'),
      cpu: medianOf(samples, 'cpu'),
      samples,
    };
    const baseline = measured.find((other) => other.row.name === row.against);
    if (row.against !== undefined && baseline === undefined) {
      throw new Error(`${measurement}: there is no row "${row.against}" to compare "${row.name}" with`);
    }
    return baseline === undefined ? summary : { ...summary, ratio: ratioOf(row, samples, baseline.samples) };
  });
}

function ratioOf({ against, by = 'value', goal }, samples, baseline) {
  // Round by round, so that what slows the machine down for a while slows both.
  const ratios = samples.map((sample, round) => sample[by] / baseline[round][by]);
  const { median: value, spread } = figures(ratios);
  const comparable = spread <= WIDEST_SPREAD;
  const reached = goal && ('atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost);
  return { against, by, median: value, spread, comparable, ...(goal === undefined ? {} : { goal, reached }) };
}

/** The median, and how far apart the middle half of the values is, relative to it. */
function figures(values) {
  const middle = median(values);
  return { median: middle, spread: values.length < 2 ? 0 : interquartileRange(values) / middle };
}

function medianOf(samples, field) {
  return samples[0]?.[field] === undefined ? undefined : median(samples.map((sample) => sample[field]));
}

export function machine() {
  const processors = cpus();
  return {
    processors: processors.length,
    model: processors[0]?.model,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
  };
}

const HEAD = ['', 'median', '±', 'p50 ms', 'p99 ms', 'CPU µs', 'ratio', '±', 'of', 'goal'];
/** Of the columns that hold figures. */
const FIGURES = [1, 2, 3, 4, 5, 6, 7];

/** For a terminal. */
export function table(rows) {
  const printed = new Table({
    head: HEAD,
    colAligns: HEAD.map((_, column) => (FIGURES.includes(column) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  for (const [measurement, of] of byMeasurement(rows)) {
    printed.push([{ colSpan: HEAD.length, content: `— ${measurement}` }], ...of.map(cellsOf));
  }
  return printed.toString();
}

/** The same as Markdown, for docs/performance.md. */
export function markdown({ startedAt, machine, database, size, rows }) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const tables = byMeasurement(rows).flatMap(([measurement, of]) => [
    line([`**${measurement}**`, ...HEAD.slice(1).map(() => '')]),
    ...of.map((row) => line(cellsOf(row))),
  ]);
  return [
    `${database.kind} ${database.version}, Node.js ${machine.node.slice(1)}, ${machine.processors} processors (${machine.model}), ` +
      `${size.rounds} rounds, ${startedAt.slice(0, 10)}.`,
    '',
    line(HEAD),
    line(HEAD.map((_, column) => (FIGURES.includes(column) ? '---:' : '---'))),
    ...tables,
  ].join('\n');
}

function cellsOf(row) {
  return [
    row.name,
    `${number(row.median)} ${row.unit}`,
    percent(row.spread),
    row.p50 === undefined ? '' : row.p50.toFixed(2),
    row.p99 === undefined ? '' : row.p99.toFixed(2),
    row.cpu === undefined ? '' : row.cpu.toFixed(0),
    row.ratio === undefined ? '' : row.ratio.median.toFixed(2),
    row.ratio === undefined ? '' : `${percent(row.ratio.spread)}${row.ratio.comparable ? '' : ' !'}`,
    row.ratio === undefined ? '' : `${row.ratio.against}${row.ratio.by === 'p99' ? ' (p99)' : ''}`,
    goalText(row.ratio),
  ];
}

/**
 * What became of each row between two versions.
 *
 * @param {readonly { here: object, there: object }[]} turns the reports of both versions, turn by turn
 */
export function comparison(turns) {
  const [{ here, there }] = turns;
  const inBoth = here.rows.filter((row) => there.rows.some((other) => isSameRow(row, other)));
  return inBoth.map((row) => {
    const pairs = turns.map((turn) =>
      [turn.here, turn.there].map(({ rows }) => rows.find((one) => isSameRow(one, row))),
    );
    const { median: value, spread } = figures(pairs.map(([mine, its]) => figureOf(mine) / figureOf(its)));
    const cpu = row.cpu === undefined ? undefined : median(pairs.map(([mine, its]) => mine.cpu / its.cpu));
    const { measurement, name, unit } = row;
    return { measurement, name, unit, median: value, spread, cpu, comparable: spread <= WIDEST_SPREAD };
  });
}

/** A row that is compared with another one of its run is judged by that ratio: what slows one run down then changes nothing. */
function figureOf({ median: value, ratio }) {
  return ratio?.median ?? value;
}

function isSameRow(one, other) {
  return one.measurement === other.measurement && one.name === other.name;
}

/** For a terminal. */
export function comparisonTable(rows, revision) {
  const head = ['', `this version, of ${revision}`, '±', 'CPU'];
  const printed = new Table({
    head,
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const [measurement, of] of byMeasurement(rows)) {
    printed.push([{ colSpan: head.length, content: `— ${measurement}` }]);
    for (const { name, median: ratio, spread, cpu, comparable } of of) {
      printed.push([name, ratio.toFixed(2), `${percent(spread)}${comparable ? '' : ' !'}`, cpu?.toFixed(2) ?? '']);
    }
  }
  return printed.toString();
}

function byMeasurement(rows) {
  const names = new Set(rows.map(({ measurement }) => measurement));
  return [...names].map((name) => [name, rows.filter(({ measurement }) => measurement === name)]);
}

/** What a reader must know before they compare rows. */
export function warning(rows) {
  const unsure = rows.filter(({ ratio }) => ratio?.comparable === false);
  if (unsure.length === 0) return 'The ratios differ little enough between rounds to be compared.';
  return (
    `! ${unsure.length} of these ratios were further apart than ${percent(WIDEST_SPREAD)} between rounds: they compare nothing. ` +
    'Let the machine do nothing else, and take more rounds: --rounds=15.'
  );
}

function goalText(ratio) {
  if (ratio?.goal === undefined) return '';
  const text = 'atLeast' in ratio.goal ? `≥ ${ratio.goal.atLeast}` : `≤ ${ratio.goal.atMost}`;
  if (!ratio.comparable) return `${text} unsure`;
  return `${text} ${ratio.reached ? 'reached' : 'missed'}`;
}

function number(value) {
  return value.toLocaleString('en', { maximumSignificantDigits: 4 });
}

function percent(share) {
  return `${(share * 100).toFixed(0)} %`;
}

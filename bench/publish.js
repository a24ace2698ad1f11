/** Writes the figures of the bench's newest results into docs/performance.md, and draws the plot of growth next to it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATABASES } from './support/database-server.js';
import { growthPlot } from './support/growth-plot.js';
import { markdown } from './support/report.js';

const DOCS = join(import.meta.dirname, '../docs');
const PAGE = join(DOCS, 'performance.md');

const reports = DATABASES.map((database) => [database, join(import.meta.dirname, 'results', `${database}.json`)])
  .filter(([, file]) => existsSync(file))
  .map(([database, file]) => [database, JSON.parse(readFileSync(file, 'utf8'))]);

let page = readFileSync(PAGE, 'utf8');
for (const [database, report] of reports) page = withFigures(page, database, markdown(report));
writeFileSync(PAGE, page);

const [, postgres] = reports.find(([database]) => database === 'postgres') ?? [];
if (postgres !== undefined) {
  for (const theme of ['light', 'dark']) {
    writeFileSync(join(DOCS, `performance-growth-${theme}.svg`), await growthPlot(postgres.rows, theme));
  }
}
console.log(`Published: ${reports.map(([database]) => database).join(', ') || 'nothing, as there are no results'}.`);

/** The page with the figures of a database between its two marks. */
function withFigures(text, database, figures) {
  const marks = new RegExp(`(<!-- figures of ${database} -->)[^]*?(<!-- end -->)`);
  if (!marks.test(text)) throw new Error(`docs/performance.md has no place for the figures of ${database}.`);
  return text.replace(marks, (_, begin, end) => `${begin}\n\n${figures}\n\n${end}`);
}

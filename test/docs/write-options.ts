/** Writes the table of options into docs/options.md: `npm run docs:options`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionsAsMarkdown } from '../../src/module/option-table.js';
import { PROJECT, read } from './documents.js';

const PAGE = 'docs/options.md';
const page = read(PAGE);
const table = /^\| option [^]*?\n\n/m;
if (!table.test(page)) throw new Error(`${PAGE} has no table of options.`);
writeFileSync(
  join(PROJECT, PAGE),
  page.replace(table, () => `${optionsAsMarkdown()}\n\n`),
);

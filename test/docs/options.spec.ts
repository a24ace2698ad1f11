/** The table of options in docs/options.md is the one that the checks use. */
import { optionsAsMarkdown } from '../../src/module/option-table.js';
import { read, tableRows } from './documents.js';

it('docs/options.md has the table of options as the module checks them; if not, run npm run docs:options', () => {
  expect(tableRows(read('docs/options.md'))).toEqual(tableRows(optionsAsMarkdown()));
});

it('each option has its values, its default where there is one, and a sentence', () => {
  const rows = tableRows(optionsAsMarkdown());
  expect(rows.length).toBeGreaterThan(25);
  for (const [name = '', values = '', , sentence = ''] of rows) {
    expect(name).toMatch(/^`[a-zA-Z]+(\.[a-zA-Z]+){0,2}`$/);
    expect(values).not.toBe('');
    expect(sentence).not.toBe('');
  }
});

/**
 * `npm run docs:conformance`: writes the tests of each check into docs/conformance.md.
 *
 * The page's tables say what is checked. A test belongs to the checks whose ids its title begins with: `W2, L8: a right code …`.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PROJECT, read, titlesOf } from './documents.js';

export const PAGE = 'docs/conformance.md';

const BEGIN = '<!-- The list of tests is written by `npm run docs:conformance`. -->';
const END = '<!-- End of the list of tests. -->';

/** The checks that the page's tables list, in their order. */
export function checksOf(page: string): { readonly id: string; readonly check: string }[] {
  return [...page.matchAll(/^\| ([A-Z]\d+) +\| (.+?) +\|/gm)].map(([, id = '', check = '']) => ({ id, check }));
}

/** The tests of each check: the files, each with the titles that name the check. */
export function testsOfChecks(): ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> {
  const tests = new Map<string, Map<string, string[]>>();
  for (const file of specs()) {
    for (const title of titlesOf(file)) {
      const [, ids, rest = ''] = /^([A-Z]\d+(?:, [A-Z]\d+)*): (.*)$/s.exec(title) ?? [];
      for (const id of ids?.split(', ') ?? []) {
        const files = tests.get(id) ?? new Map<string, string[]>();
        tests.set(id, files.set(file, [...(files.get(file) ?? []), rest]));
      }
    }
  }
  return tests;
}

/** What is written by hand. */
export function withoutList(page: string): string {
  return page.slice(0, page.indexOf(BEGIN)) + page.slice(page.indexOf(END));
}

/** The page with its list of tests as it should be. */
export function written(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has no place for the list of tests: ${BEGIN} … ${END}`);
  const tests = testsOfChecks();
  const lists = checksOf(page).map(({ id }) => {
    const files = [...(tests.get(id) ?? [])];
    const count = files.reduce((sum, [, titles]) => sum + titles.length, 0);
    const items = files.flatMap(([file, titles]) => [
      `- [${file}](../${file})`,
      ...titles.map((title) => `  - ${escaped(title)}`),
    ]);
    return `<details>\n<summary>${id}: ${String(count)} ${count === 1 ? 'test' : 'tests'}</summary>\n\n${items.join('\n')}\n\n</details>`;
  });
  return `${page.slice(0, begin)}${BEGIN}\n\n${lists.join('\n\n')}\n\n${page.slice(end)}`;
}

/** Titles may contain what Markdown or HTML would read as markup. */
function escaped(title: string): string {
  return title
    .replace(/[\\*_[\]`{}]/g, '\\$&')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

function specs(): string[] {
  return ['src', 'test', 'cli'].flatMap((folder) => {
    const path = join(PROJECT, folder);
    return listing(path)
      .filter((file) => file.endsWith('.ts') && !/(^|\/)(node_modules|dist)\//.test(file))
      .map((file) => `${folder}/${file}`)
      .sort();
  });
}

function listing(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  } catch {
    return [];
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(join(PROJECT, PAGE), written(read(PAGE)));
}

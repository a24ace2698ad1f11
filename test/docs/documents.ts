/** What the pages in `docs/` say of tests, and what the tests' own files say. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

export const PROJECT = join(import.meta.dirname, '..', '..');

export function read(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** The rows of all tables of a page, without their heads; each cell as it is written. */
export function tableRows(markdown: string): string[][] {
  const lines = markdown.split('\n');
  return lines
    .filter((line, n) => line.startsWith('|') && !isDivider(line) && !isDivider(lines[n + 1] ?? ''))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

function isDivider(line: string): boolean {
  return /^\|[ |:-]+\|$/.test(line);
}

/**
 * A test that a page names: a link to its file, followed by its title in quotation marks, and then perhaps by others of the
 * file. A file of specs that is named without a title names the test “”, which is none; other files may be named alone.
 */
interface NamedTest {
  readonly file: string;
  readonly title: string;
}

function namedTests(markdown: string): NamedTest[] {
  return [...markdown.matchAll(/\[([^\]]+\.ts)\]\([^)]+\)((?:,? “[^”]*”)*)/g)].flatMap(([, file = '', titles = '']) => {
    const named = [...titles.matchAll(/“([^”]*)”/g)].map(([, title = '']) => unescaped(title));
    const none = file.endsWith('.spec.ts') ? [''] : [];
    return (named.length > 0 ? named : none).map((title) => ({ file, title }));
  });
}

/** What is wrong with what a page names; nothing when every file and every test is there. */
export function problemsOf(page: string, markdown = read(page)): string[] {
  const links = [...markdown.matchAll(/\[([^\]]*)\]\(([^)\s]+)\)/g)].flatMap(([, text = '', target = '']) => {
    if (/^https?:/.test(target) || target.startsWith('#')) return [];
    const path = relative(PROJECT, join(PROJECT, dirname(page), target.replace(/#.*$/, '')));
    if (!existsSync(join(PROJECT, path))) return [`${path} does not exist`];
    return text.includes('/') && text !== path ? [`the link ${text} leads to ${path}`] : [];
  });
  const tests = namedTests(markdown).flatMap(({ file, title }) => {
    if (!existsSync(join(PROJECT, file))) return [];
    return titlesOf(file).has(title) ? [] : [`${file} has no test “${title}”`];
  });
  return [...links, ...tests];
}

const known = new Map<string, ReadonlySet<string>>();

/**
 * The titles of the tests in a file, as they are written there: `it.each`'s with their `%s`, and those of a contract suite, which are
 * pairs of a title and a function. Skipped tests show nothing.
 */
export function titlesOf(file: string): ReadonlySet<string> {
  const titles = known.get(file) ?? readTitles(ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true));
  known.set(file, titles);
  return titles;
}

function readTitles(source: ts.SourceFile): ReadonlySet<string> {
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const name = node.expression.getText(source);
      if (/^(xit|xtest|xdescribe|(it|test|describe)\.(skip|todo|failing))\b/.test(name)) return;
      const [title] = node.arguments;
      // Of `it.each(cases)(title)`, the inner call has the cases and no title.
      if (title && /^(it|test)$|^(it|test)\.each./.test(name)) {
        titles.add(textOf(title, source));
      }
    }
    if (ts.isArrayLiteralExpression(node)) {
      const [title, run] = node.elements;
      if (title && run && (ts.isIdentifier(run) || ts.isArrowFunction(run))) titles.add(textOf(title, source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return titles;
}

function textOf(title: ts.Expression, source: ts.SourceFile): string {
  return ts.isStringLiteralLike(title) ? title.text : title.getText(source).replace(/^`|`$/g, '');
}

function unescaped(text: string): string {
  return text.replace(/\\([\\|*_[\]<>])/g, '$1');
}

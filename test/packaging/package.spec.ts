import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { packLibrary, type PackedLibrary, PROJECT, run } from './packed-library.js';

const manifest = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>;
  main: string;
  types: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
};

let packed: PackedLibrary;
/** The paths in the package. */
let files: string[];

beforeAll(async () => {
  packed = await packLibrary();
  const listing = await run('tar', ['-tzf', packed.tarball], packed.folder);
  files = listing
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
});

afterAll(() => {
  packed.remove();
});

it('holds the built library, the schemas of its events, its pages and papers, and nothing else', () => {
  const schemas = files.filter((file) => file.startsWith('schemas/'));
  expect(schemas.every((file) => file.endsWith('.json') && existsSync(join(PROJECT, file)))).toBe(true);
  const papers = files.filter((file) => !/^(dist|docs|schemas)\//.test(file));
  expect(papers.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'llms.txt', 'package.json']);

  const built = files.filter((file) => file.startsWith('dist/'));
  const sources = built.map((file) => join(PROJECT, file.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js)$/, '.ts')));
  expect(sources.filter((source) => !existsSync(source) || source.endsWith('.spec.ts'))).toEqual([]);
});

it('holds the images and pages that its README shows, apart from those for contributors', () => {
  const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
  const targets = [...readme.matchAll(/\]\(([^)#]+)[^)]*\)|src(?:set)?="\.\/([^"]+)"/g)].map(
    ([, link, image]) => link ?? image ?? '',
  );
  const local = targets.filter((target) => !target.startsWith('https:'));
  expect(local.length).toBeGreaterThan(15);
  expect(local.filter((target) => !files.includes(target)).sort()).toEqual(['CONTRIBUTING.md', 'example/README.md']);
});

it('holds every file that its exports name', () => {
  const targets = [manifest.main, manifest.types];
  for (const target of Object.values(manifest.exports)) {
    targets.push(...(typeof target === 'string' ? [target] : Object.values(target)));
  }
  const isThere = (target: string) => {
    const [start = '', end] = target.replace(/^\.\//, '').split('*');
    return files.some((file) => (end === undefined ? file === start : file.startsWith(start) && file.endsWith(end)));
  };
  expect(targets.filter((target) => !isThere(target))).toEqual([]);
});

it('imports nothing, in code or in types, but its dependencies, its peers and Node', () => {
  const known = { ...manifest.dependencies, ...manifest.peerDependencies };
  const strangers = new Set<string>();
  for (const file of files.filter((path) => /\.(js|ts)$/.test(path))) {
    const code = readFileSync(join(packed.project, file), 'utf8');
    for (const [, specifier = ''] of code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\s]+)['"]/g)) {
      const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
      if (!specifier.startsWith('.') && !isBuiltin(specifier) && !(name in known)) strangers.add(`${file}: ${name}`);
    }
  }
  expect([...strangers]).toEqual([]);
});

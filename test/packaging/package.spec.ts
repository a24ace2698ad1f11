import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { packLibrary, type PackedLibrary, PROJECT, run } from './packed-library.js';

interface Manifest {
  exports: Record<string, string | { types: string; default: string }>;
  main: string;
  types: string;
  bin?: Record<string, string>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

let packed: PackedLibrary;

beforeAll(async () => {
  packed = await packLibrary();
});

afterAll(() => {
  packed.remove();
});

it('nestjs-totp needs no other packages at run time than otplib, qrcode and its peers', () => {
  expect(Object.keys(manifestIn('.').dependencies).sort()).toEqual(['otplib', 'qrcode']);
});

it('nestjs-totp contains the images and pages that its README shows, apart from those for contributors', async () => {
  const files = await filesIn(packed.tarball);
  const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
  const targets = [...readme.matchAll(/\]\(([^)#]+)[^)]*\)|src(?:set)?="\.\/([^"]+)"/g)].map(
    ([, link, image]) => link ?? image ?? '',
  );
  const local = targets.filter((target) => !target.startsWith('https:'));
  expect(local.length).toBeGreaterThan(15);
  expect(local.filter((target) => !files.includes(target)).sort()).toEqual(['CONTRIBUTING.md', 'example/README.md']);
});

describe.each([
  {
    name: 'nestjs-totp',
    folder: '.',
    papers: ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'llms.txt', 'package.json'],
  },
  { name: 'nestjs-totp-cli', folder: 'cli', papers: ['LICENSE', 'README.md', 'package.json'] },
])('the package $name', ({ name, folder, papers }) => {
  const manifest = manifestIn(folder);
  /** The paths in the package. */
  let files: string[];

  beforeAll(async () => {
    files = await filesIn(name === 'nestjs-totp' ? packed.tarball : packed.cliTarball);
  });

  it('contains its build, its descriptions, pages and papers, and nothing else', () => {
    const schemas = files.filter((file) => file.startsWith('schemas/'));
    expect(schemas.every((file) => file.endsWith('.json') && existsSync(join(PROJECT, file)))).toBe(true);
    const others = files.filter((file) => !/^(bin|dist|docs|openapi|schemas|schematics)\//.test(file));
    expect(others.sort()).toEqual(papers);

    const built = files.filter((file) => file.startsWith('dist/'));
    const sources = built.map((file) =>
      join(PROJECT, folder, file.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js)$/, '.ts')),
    );
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((source) => !existsSync(source) || source.endsWith('.spec.ts'))).toEqual([]);
  });

  it('contains every file that its exports and commands name', () => {
    const targets = [manifest.main, manifest.types, ...Object.values(manifest.bin ?? {})];
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
    // The schematic uses the compiler of the application, whose code is in its templates.
    const modules = files.filter((path) => /\.(js|ts)$/.test(path) && !path.startsWith('dist/schematics/'));
    for (const file of modules) {
      const code = readFileSync(join(packed.project, folder, file), 'utf8');
      for (const [, specifier = ''] of code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\s]+)['"]/g)) {
        const imported = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
        if (!specifier.startsWith('.') && !isBuiltin(specifier) && !(imported in known)) {
          strangers.add(`${file}: ${imported}`);
        }
      }
    }
    expect([...strangers]).toEqual([]);
  });
});

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(PROJECT, folder, 'package.json'), 'utf8')) as Manifest;
}

/** The paths in a package. */
async function filesIn(tarball: string): Promise<string[]> {
  const listing = await run('tar', ['-tzf', tarball], packed.folder);
  return listing
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
}

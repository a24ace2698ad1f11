import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { packLibrary, type PackedLibrary, PROJECT, run } from './packed-library.js';

// Installing takes ten seconds here, and much longer where the registry is far.
jest.setTimeout(240_000);

let packed: PackedLibrary;

beforeAll(async () => {
  packed = await packLibrary();
});

afterAll(() => {
  packed.remove();
});

describe('an ESM application on Nest 12 and TypeORM 1', () => {
  let app: string;

  beforeAll(async () => {
    app = await install('esm', 'module', {
      '@nestjs/common': '^12.0.0',
      '@nestjs/core': '^12.0.0',
      '@nestjs/event-emitter': '^12.0.0',
      '@nestjs/platform-express': '^12.0.0',
      '@nestjs/typeorm': '^12.0.0',
      typeorm: '^1.0.0',
    });
  });

  it('imports the library and enrols', async () => {
    await expect(run('node', ['esm.mjs'], app)).resolves.toContain('enrolled');
  });

  it('has one copy of Nest, TypeORM and RxJS', async () => {
    expect(await copies(app)).toEqual({ '@nestjs/core': 1, typeorm: 1, rxjs: 1 });
  });

  it('compiles against the types', async () => {
    await compile(app, { module: 'nodenext' });
  });
});

describe('a CommonJS application on Nest 11 and TypeORM 0.3', () => {
  let app: string;

  beforeAll(async () => {
    app = await install('commonjs', 'commonjs', {
      '@nestjs/common': '^11.0.0',
      '@nestjs/core': '^11.0.0',
      '@nestjs/event-emitter': '^3.0.0',
      '@nestjs/platform-express': '^11.0.0',
      '@nestjs/typeorm': '^11.0.0',
      typeorm: '^0.3.20',
      jest: versionHere('jest'),
      '@swc/core': versionHere('@swc/core'),
      '@swc/jest': versionHere('@swc/jest'),
    });
  });

  it('requires the library and enrols', async () => {
    await expect(run('node', ['commonjs.cjs'], app)).resolves.toContain('enrolled');
  });

  it('has one copy of Nest, TypeORM and RxJS', async () => {
    expect(await copies(app)).toEqual({ '@nestjs/core': 1, typeorm: 1, rxjs: 1 });
  });

  it('tests itself with a CommonJS Jest', async () => {
    await run('npx', ['jest', '--config', 'jest.config.cjs'], app);
  });

  it.each([{ module: 'nodenext' }, { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' }])(
    'compiles against the types as $module',
    async (options) => {
      await compile(app, options);
    },
  );
});

/** Installs the packed library beside `dependencies` in a folder of its own. */
async function install(
  name: string,
  type: 'module' | 'commonjs',
  dependencies: Record<string, string>,
): Promise<string> {
  const app = join(packed.folder, name);
  cpSync(join(import.meta.dirname, 'consumers'), app, { recursive: true });
  const manifest = {
    name,
    private: true,
    type,
    dependencies: {
      ...dependencies,
      'nestjs-totp': `file:${packed.tarball}`,
      'better-sqlite3': versionHere('better-sqlite3'),
      'reflect-metadata': '^0.2.0',
      rxjs: '^7.2.0',
      typescript: versionHere('typescript'),
      '@types/node': versionHere('@types/node'),
    },
  };
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], app);

  // The native part was built when the project was installed; building it again takes a minute.
  const binding = join('node_modules', 'better-sqlite3', 'build', 'Release');
  mkdirSync(join(app, binding), { recursive: true });
  copyFileSync(join(PROJECT, binding, 'better_sqlite3.node'), join(app, binding, 'better_sqlite3.node'));
  return app;
}

function versionHere(name: string): string {
  const { version } = JSON.parse(readFileSync(join(PROJECT, 'node_modules', name, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

async function copies(app: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of ['@nestjs/core', 'typeorm', 'rxjs']) {
    const paths = await run('npm', ['ls', name, '--all', '--parseable'], app);
    counts[name] = new Set(paths.split('\n').filter((path) => path.endsWith(`/node_modules/${name}`))).size;
  }
  return counts;
}

async function compile(app: string, options: Record<string, string>): Promise<void> {
  const compilerOptions = {
    target: 'es2023',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    noEmit: true,
    types: ['node'],
    ...options,
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }));
  await run('npx', ['tsc'], app);
}

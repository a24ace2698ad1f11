import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { totpCode } from 'nestjs-totp/testing';
import { packLibrary, type PackedLibrary, PROJECT, run } from './packed-library.js';

let packed: PackedLibrary;
const ONE_COPY = { 'nestjs-totp': 1, '@nestjs/core': 1, typeorm: 1, rxjs: 1, 'reflect-metadata': 1 };

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
      'express-session': '^1.18.0',
      esbuild: '^0.28.0',
      webpack: '^5.100.0',
      '@types/express-session': '^1.18.0',
    });
  });

  it('imports the library and enrols', async () => {
    await expect(run('node', ['esm.mjs'], app)).resolves.toContain('enrolled');
  });

  it.each([
    // Warnings, not errors: the packages are optional, and bundled where they are installed.
    ['webpack', 'bundle.cjs', ['@nestjs/microservices', '@nestjs/websockets', '@opentelemetry/api', 'cloudevents']],
    ['esbuild', 'bundle.mjs', []],
  ])('runs as one file that %s has made, where optional packages are missing', async (bundler, file, warned) => {
    // Outside of the application, so that nothing of its node_modules is found but the native driver.
    const folder = join(packed.folder, `bundled by ${bundler}`);
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    for (const name of ['better-sqlite3', 'bindings', 'file-uri-to-path']) {
      symlinkSync(join(app, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
    }
    const said = JSON.parse(await run('node', ['bundle.mjs', bundler, join(folder, file)], app)) as string[];
    expect([...new Set(said.map((message) => /["']([@\w/-]+)["']/.exec(message)?.[1]))].sort()).toEqual(warned);
    await expect(run('node', [file], folder)).resolves.toContain('enrolled');
  });

  it('has one copy of the module and of every peer', async () => {
    expect(await copies(app)).toEqual(ONE_COPY);
  });

  it('compiles against the types', async () => {
    await compile(app, { module: 'nodenext' });
  });

  it('runs the quick start of the README, which gives the answers that are shown there', async () => {
    // It says at which port it listens.
    const source = codeOf('README.md', 'const app = await NestFactory.create').replace(
      'listen(3000);',
      'listen(0); process.send?.(await app.getUrl());',
    );
    writeFileSync(join(app, 'main.ts'), source);
    await compile(app, { module: 'nodenext', skipLibCheck: true, noEmit: false }, 'main.ts');

    const server = fork(join(app, 'main.js'), {
      cwd: app,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, TOTP_KEY: randomBytes(32).toString('base64') },
    });
    try {
      const url = await new Promise<unknown>((resolve, reject) => {
        server.once('message', resolve).once('exit', (code) => {
          reject(new Error(`The server ended with ${code}.`));
        });
      });
      await makeRequestsOfTheReadme(`${String(url)}/totp`);
    } finally {
      server.kill();
    }
  });

  it('seals secrets with the cipher of docs/keys.md, and asks the key service once for many', async () => {
    const source = `
      import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
      import { associatedData, type SecretBinding, TotpSecretCipher, TotpSecretError } from 'nestjs-totp';
      ${codeOf('docs/keys.md', 'class KeyServiceCipher')}
      const plain = randomBytes(32);
      const asked: string[] = [];
      const service: KeyService = {
        async newDataKey() { asked.push('new'); return { plain, wrapped: Buffer.from('wrapped') }; },
        async unwrap() { asked.push('unwrap'); return plain; },
      };
      const ann = { purpose: 'device', userId: 'ann', deviceId: '1', algorithm: 'SHA1', digits: 6, period: 30, skew: 1 } as const;
      const others = [{ ...ann, userId: 'bob' }, { ...ann, digits: 8 }, { ...ann, period: 300 }, { ...ann, skew: 2 }];
      const cipher = new KeyServiceCipher(service);
      const sealed = await cipher.seal(Buffer.from('a secret'), ann);
      await cipher.seal(Buffer.from('another'), ann);
      const elsewhere = new KeyServiceCipher(service);
      const opened = [await elsewhere.open(sealed, ann), await elsewhere.open(sealed, ann)].map(String);
      const forOthers = await Promise.all(others.map((other) => cipher.open(sealed, other).catch(() => 'refused')));
      console.log(/^[a-z0-9-]{1,16}:[ -~]+$/.test(sealed), ...opened, ...new Set(forOthers), ...asked);`;
    writeFileSync(join(app, 'cipher.ts'), source);
    await compile(app, { module: 'nodenext', skipLibCheck: true, noEmit: false }, 'cipher.ts');
    await expect(run('node', ['cipher.js'], app)).resolves.toContain('true a secret a secret refused new unwrap');
  });

  it('tests the cipher of docs/keys.md with node:test, as docs/testing.md says', async () => {
    const source = `
      import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
      import { associatedData, type SecretBinding, TotpSecretCipher, TotpSecretError } from 'nestjs-totp';
      ${codeOf('docs/keys.md', 'class KeyServiceCipher')}
      const plain = randomBytes(32);
      const service: KeyService = {
        newDataKey: async () => ({ plain, wrapped: Buffer.from('wrapped') }),
        unwrap: async () => plain,
      };
      ${codeOf('docs/testing.md', 'secretCipherContract(() => cipher)')}`;
    writeFileSync(join(app, 'cipher.test.ts'), source);
    await compile(app, { module: 'nodenext', skipLibCheck: true, noEmit: false }, 'cipher.test.ts');
    await expect(run('node', ['--test', '--test-reporter=tap', 'cipher.test.js'], app)).resolves.toMatch(/# fail 0/);
  });

  it('runs the commands of nestjs-totp-cli and imports its functions', () => usesCommands(app, 'cli.mjs'));
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

  it('has one copy of the module and of every peer', async () => {
    expect(await copies(app)).toEqual(ONE_COPY);
  });

  it('runs the commands of nestjs-totp-cli and requires its functions', () => usesCommands(app, 'cli.cjs'));

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

/** @param script reads a list of devices with the functions of `nestjs-totp-cli` */
async function usesCommands(app: string, script: string): Promise<void> {
  const command = ['--no-install', 'nestjs-totp-cli'];
  await expect(run('npx', [...command, '--help'], app)).resolves.toContain('rotate-keys');
  await expect(run('npx', [...command, 'keys', 'generate'], app)).resolves.toMatch(/^[\w+/]{43}=\s/);
  await expect(run('node', [script], app)).resolves.toBe('read 1 device\n');
}

/** Installs both packages and `dependencies` in a folder of its own. */
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
      'nestjs-totp-cli': `file:${packed.cliTarball}`,
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

/** Makes the requests that the README shows, with codes of the real secret, and compares the answers with those shown. */
async function makeRequestsOfTheReadme(url: string): Promise<void> {
  const requests = [
    ...readFileSync(join(PROJECT, 'README.md'), 'utf8').matchAll(/^post (\S+) '(.*)'.*\n# (\{.*\})$/gm),
  ].map(([, path = '', body = '{}', answer = '{}']) => ({ path, body, shown: JSON.parse(answer) as object }));
  expect(requests.map(({ path }) => path)).toEqual(['device', 'device/verify', 'verify', 'verify']);

  const cookies: string[] = [];
  let keyUri = '';
  for (const { path, body, shown } of requests) {
    const code = keyUri === '' ? '' : totpCode(keyUri, Date.now());
    const isLocked = 'retryAfterMs' in shown;
    const wrong = code === '000000' ? '000001' : '000000';
    const sent = body.replace('492039', code).replace('000000', wrong);
    const post = async (): Promise<Record<string, unknown>> => {
      const headers = { 'Content-Type': 'application/json', Cookie: cookies.join('; ') };
      const response = await fetch(`${url}/${path}`, { method: 'POST', headers, body: sent });
      cookies.push(...response.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? ''));
      return (await response.json()) as Record<string, unknown>;
    };
    if (isLocked) for (let failure = 1; failure <= 5; failure++) await post();
    const answer = await post();
    expect(Object.keys(answer)).toEqual(Object.keys(shown));
    for (const [name, value] of Object.entries(shown)) {
      if (typeof value === 'string' && value.includes('…')) {
        expect(String(answer[name]).startsWith(value.split(/L36V|…/)[0] ?? '')).toBe(true);
      } else if (name === 'retryAfterMs') expect(answer[name]).toBeGreaterThan(0);
      else expect([name, answer[name]]).toEqual([name, value]);
    }
    if (typeof answer.qrCodeString === 'string') keyUri = answer.qrCodeString;
  }
}

/** The block of code of a page that has a certain line in it. */
function codeOf(page: string, line: string): string {
  const blocks = readFileSync(join(PROJECT, page), 'utf8').split('```ts\n').slice(1);
  const block = blocks.map((text) => text.slice(0, text.indexOf('```'))).find((text) => text.includes(line));
  if (block === undefined) throw new Error(`No code of ${page} has "${line}" in it.`);
  return block;
}

function versionHere(name: string): string {
  const { version } = JSON.parse(readFileSync(join(PROJECT, 'node_modules', name, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

async function copies(app: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of ['nestjs-totp', '@nestjs/core', 'typeorm', 'rxjs', 'reflect-metadata']) {
    const paths = await run('npm', ['ls', name, '--all', '--parseable'], app);
    counts[name] = new Set(paths.split('\n').filter((path) => path.endsWith(`/node_modules/${name}`))).size;
  }
  return counts;
}

async function compile(app: string, options: object, file = 'types.ts'): Promise<void> {
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
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
  await run('npx', ['tsc'], app);
}

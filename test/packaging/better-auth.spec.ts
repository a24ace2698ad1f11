/** The recipe for better-auth in docs/sign-in.md, with better-auth itself: its optional peers do not go with those of the project. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { TotpSessionAdapter, TotpTokenSessionAdapter } from 'nestjs-totp';
import { PageCode } from '../docs/page-code.js';
import { Client, expectSecondFactor, start, useRecipes } from '../docs/sign-ins.js';
import { run } from './packed-library.js';

interface Auth {
  readonly options: object;
}

/** The package has no types. */
const Database = createRequire(import.meta.url)('better-sqlite3') as new (file: string) => object;

let folder: string;
let code: PageCode<'betterAuth'>;
const library = (file: string) => join(folder, 'node_modules', 'better-auth', 'dist', file);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'totp-better-auth-'));
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', 'better-auth@^1.7.0'], folder);
  code = await PageCode.of(
    'docs/sign-in.md',
    { betterAuth: 'Sessions of better-auth' },
    { 'better-auth': library('index.mjs'), 'better-auth/node': library('integrations/node.mjs') },
  );
});
afterAll(async () => {
  await code.remove();
  await rm(folder, { recursive: true });
});

useRecipes();

/** A browser: it tells where its page comes from. */
class Browser extends Client {
  override async signIn(): Promise<void> {
    const ann = { email: 'ann@example.com', password: 'a long password', name: 'Ann' };
    const origin = { origin: this.url };
    const signUp = await this.post('/api/auth/sign-up/email', ann, origin);
    if (signUp.status === 422)
      expect(await this.post('/api/auth/sign-in/email', ann, origin)).toMatchObject({ status: 200 });
    else expect(signUp).toMatchObject({ status: 200 });
  }
}

it('compiles under the strictest settings', () => {
  expect(code.problems()).toEqual([]);
});

it('asks for the code after the password, in sessions of better-auth', async () => {
  const { betterAuth } = (await import(library('index.mjs'))) as { betterAuth: (options: object) => Auth };
  const { getMigrations } = (await import(library('db/get-migration.mjs'))) as {
    getMigrations: (options: object) => Promise<{ runMigrations: () => Promise<void> }>;
  };
  const options = {
    database: new Database(':memory:'),
    baseURL: 'http://127.0.0.1',
    secret: 'a secret of the tests, which is long enough',
    emailAndPassword: { enabled: true },
    trustedOrigins: ['http://127.0.0.1:*'],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  };
  await (await getMigrations(options)).runMigrations();
  const auth = betterAuth(options);
  const { useBetterAuth, ...classes } = await code.exports('betterAuth');
  const { BetterAuth, BetterAuthGuard } = classes as Record<string, Type>;
  if (!BetterAuth || !BetterAuthGuard) throw new Error('The page lacks an export.');
  const url = await start({
    guard: BetterAuthGuard,
    totp: {
      providers: [
        { provide: BetterAuth, useValue: auth },
        { provide: TotpSessionAdapter, useClass: TotpTokenSessionAdapter },
      ],
    },
    providers: [{ provide: BetterAuth, useValue: auth }],
    bodyParser: false,
    configure: (app) => {
      (useBetterAuth as (app: NestExpressApplication, auth: Auth) => void)(app, auth);
    },
  });
  await expectSecondFactor(url, Browser);
});

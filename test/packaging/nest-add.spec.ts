/** `nest add nestjs-totp`, in applications that `nest new` has made: from there to an enrolled authenticator. */
import { fork } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { totpCode } from 'nestjs-totp/testing';
import { packLibrary, type PackedLibrary, PROJECT, run } from './packed-library.js';

let packed: PackedLibrary;

beforeAll(async () => {
  packed = await packLibrary();
});

afterAll(() => {
  packed.remove();
});

describe.each([
  { nest: 12, modules: 'ES modules' },
  { nest: 11, modules: 'CommonJS' },
])('nest add in a new application on Nest $nest with $modules', ({ nest }) => {
  it('makes it compile and enrol an authenticator', async () => {
    const app = await newApplication(nest);
    await run('npx', ['--no-install', 'nest', 'add', 'nestjs-totp', '--skip-install'], app);
    await installDependencies(app);
    await run('npm', ['run', 'build'], app);

    // As Node reads .env, it keeps what the environment has.
    const server = fork(join(app, 'dist', 'main.js'), {
      cwd: app,
      execArgv: ['--require', join(import.meta.dirname, 'report-port.cjs')],
      silent: true,
      env: { ...process.env, NODE_ENV: 'development', PORT: '0' },
    });
    try {
      const port = await portOf(server);
      const post = async (route: string, body: object): Promise<Record<string, unknown>> => {
        const response = await fetch(`http://localhost:${String(port)}/totp/${route}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        return (await response.json()) as Record<string, unknown>;
      };
      const device = await post('device', {});
      const totp = totpCode(String(device.qrCodeString), Date.now());
      expect(await post('device/verify', { deviceName: device.deviceName, totp })).toEqual({
        status: 'OK',
        wasAlreadyVerified: false,
      });
      // The session has completed TOTP, which the table of the module stores.
      expect(await post('device', { deviceName: 'tablet' })).toMatchObject({ status: 'OK' });
    } finally {
      server.kill();
    }
  });
});

async function newApplication(nest: number): Promise<string> {
  const name = `nest-${nest}`;
  const options = ['--package-manager', 'npm', '--skip-git', '--skip-install'];
  await run('npx', ['--yes', `@nestjs/cli@${nest}`, 'new', name, ...options], packed.folder);
  const app = join(packed.folder, name);
  const manifest = readManifest(app);
  writeFileSync(
    join(app, 'package.json'),
    JSON.stringify({
      ...manifest,
      dependencies: { ...manifest.dependencies, 'nestjs-totp': `file:${packed.tarball}` },
    }),
  );
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], app);
  return app;
}

/** What the schematic has added, with this project's build of better-sqlite3, since building one takes a minute. */
async function installDependencies(app: string): Promise<void> {
  const { version } = readManifest(join(PROJECT, 'node_modules', 'better-sqlite3'));
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `better-sqlite3@${version}`], app);
  const build = join('node_modules', 'better-sqlite3', 'build');
  cpSync(join(PROJECT, build), join(app, build), { recursive: true });
}

function readManifest(folder: string): { version: string; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as ReturnType<typeof readManifest>;
}

function portOf(server: ReturnType<typeof fork>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const read = (data: Buffer) => (printed += data.toString());
    server.stdout?.on('data', read);
    server.stderr?.on('data', read);
    server.once('message', resolve).once('exit', (code) => {
      reject(new Error(`The application ended with ${code}:\n${printed}`));
    });
  });
}

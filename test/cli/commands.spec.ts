/** The command line against real databases: what it prints, what it leaves behind, and how it ends. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TotpImportReport } from 'nestjs-totp-cli';
import { TestTotpClock } from 'nestjs-totp/testing';
import { readKeyRing } from '../../src/secrets/key-ring.js';
import { KeyRingSecretCipher } from '../../src/secrets/key-ring-cipher.js';
import { describeWithOathtool, files, type Original, originalCode } from '../import/originals.js';
import { enrolUsers, keysOf, newKey, serviceOver, withSealedSecret } from '../secrets/keys.js';
import { erase, useTables } from '../storage/tables.js';
import { databases, type TestDatabase } from '../support/databases.js';
import { holdsSecret } from '../support/suite-log.js';
import { DATA_SOURCE, type Ended, runCommand, startCommand, SUPERTOKENS } from './command-line.js';

const fixture = (name: string) => join(import.meta.dirname, '..', 'import', 'fixtures', name);
const keys = { old: newKey(), new: newKey() };

let folder: string;
const secretsFile = async (secrets: unknown, name = 'secrets.json') => {
  const file = join(folder, name);
  await writeFile(file, typeof secrets === 'string' ? secrets : JSON.stringify(secrets));
  return file;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'totp-command-line-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Commands over the tables of a database, with keys. */
function useCommands(open: TestDatabase['open']) {
  const tables = useTables(open);
  const store = () => tables().store;
  const cipher = (current: 'old' | 'new') => new KeyRingSecretCipher(readKeyRing({ keys, current }));

  /** Runs a command with the keys, and sees to it that it shows no secret. */
  async function run(command: string, ...args: string[]): Promise<Ended> {
    const secrets = await secretsFile({ keys, current: 'new' });
    const ended = await runCommand([command, '-d', DATA_SOURCE, '-s', secrets, ...args], tables().database);
    for (const shown of [ended.out, ended.errors]) expect(shown.split('\n').filter(holdsSecret)).toEqual([]);
    return ended;
  }

  beforeEach(async () => {
    await tables().own.query(`DELETE FROM ${tables().own.driver.escape('totp_accounts')}`);
  });

  /** Signs in with what oathtool makes of the secret that the user enrolled at the other product. */
  async function signIn(userId: string, original: Original): Promise<unknown> {
    const clock = new TestTotpClock(Date.UTC(2026, 10, 22, 12));
    const totp = serviceOver(store(), cipher('new'), clock);
    return totp.verifyTOTP({ userId, totp: originalCode(original, clock.now()) });
  }

  return { tables, store, cipher, run, signIn };
}

// The functions behind the commands are tested on all databases, and the rotation's command in test/secrets/large-rotation.spec.ts.
describe.each(databases.slice(0, 1))('on $name', ({ open }) => {
  const { tables, store, cipher, run, signIn } = useCommands(open);

  it('keys reports how many users have secrets under each key', async () => {
    expect((await run('keys')).out).toBe('key  users\nold      0  not in use\nnew      0  used for new secrets\n');
    await enrolUsers(store(), 2, [cipher('old')]);
    const [user] = await enrolUsers(store(), 1, [cipher('new')]);
    const { code, out } = await run('keys');
    expect(out).toBe(
      'key  users\n' +
        'new      1  used for new secrets\n' +
        'old      2  still needed to decrypt; run rotate-keys to retire it\n',
    );
    expect(code).toBe(0);

    const loaded = await store().load(user?.userId ?? '');
    if (loaded === null) throw new Error('There is no such user.');
    await store().commit('bob', null, withSealedSecret(loaded.account, 'away:v1.AAAA'));
    const missing = await run('keys', '--json');
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.out)).toEqual({
      keys: [
        { keyId: 'away', users: 1, state: 'missing' },
        { keyId: 'new', users: 1, state: 'current' },
        { keyId: 'old', users: 2, state: 'old' },
      ],
      unused: [],
    });
  });

  it('rotate-keys re-encrypts all secrets and reports what it did', async () => {
    const users = await enrolUsers(store(), 3, [cipher('old')]);
    const dry = await run('rotate-keys', '--dry-run');
    expect(dry.out).toContain('3 users to re-encrypt. Nothing was changed.');
    expect(await keysOf(store(), users[0]?.userId ?? '')).toEqual(['old']);

    const { code, out, errors } = await run('rotate-keys', '--batch-size', '2');
    expect(out).toBe('3 users of 3 re-encrypted.\n\nkey  users\nnew      3  used for new secrets\n');
    expect(errors).toContain('3 of 3');
    expect(code).toBe(0);
    for (const { userId } of users) expect(await keysOf(store(), userId)).toEqual(['new']);
  });

  it('rotate-keys and import refuse keys that are not those of the application', async () => {
    await enrolUsers(store(), 1, [cipher('old')]);
    const other = await secretsFile({ keys: { old: newKey(), new: newKey() }, current: 'new' }, 'other.json');
    const database = tables().database;
    const rotation = await runCommand(['rotate-keys', '-d', DATA_SOURCE, '-s', other], database);
    const importing = ['import', 'csv', fixture('devices.csv'), '-d', DATA_SOURCE];
    const imported = await runCommand([...importing, '-s', other], database);
    for (const { errors } of [rotation, imported]) {
      expect(errors).toContain('do not decrypt the secrets stored under their ids: old');
    }
    const plain = await secretsFile('"plain-text"', 'plain.json');
    expect(await runCommand([...importing, '-s', plain], database)).toMatchObject({
      code: 2,
      out: '',
      errors: expect.stringContaining('users have secrets under "old"'),
    });
    expect(await store().load('ann')).toBeNull();
  });

  it('a command changes nothing of the schema and prints no statements, whatever the data source says', async () => {
    const [user] = await enrolUsers(store(), 1, [cipher('old')]);
    const { options } = tables().database;
    const zealous = {
      options: { ...options, dropSchema: true, synchronize: true, migrationsRun: true, logging: true },
    };
    const secrets = await secretsFile({ keys, current: 'new' });
    const { out } = await runCommand(['keys', '-d', DATA_SOURCE, '-s', secrets, '--json'], zealous);
    expect(JSON.parse(out)).toMatchObject({ keys: [{ keyId: 'old', users: 1 }] });
    expect(await store().load(user?.userId ?? '')).not.toBeNull();
  });

  it.each(['stdout', 'stderr'] as const)('import goes on when its %s is closed', async (stream) => {
    const secrets = await secretsFile({ keys, current: 'new' });
    const rows = Array.from({ length: 30 }, (_, n) => `${stream} ${n},${String(n + 1).padStart(40, '0')}`);
    const csv = await secretsFile(['user_id,secret_hex', ...rows].join('\n'), 'many.csv');
    const args = ['import', 'csv', csv, '-d', DATA_SOURCE, '-s', secrets, '--batch-size', '1'];
    const { child, ended } = startCommand(args, tables().database);
    child[stream]?.destroy();
    expect((await ended).code).toBe(0);
    expect(await store().load(`${stream} 29`)).not.toBeNull();
  });

  it('import stops after the batch at hand when it is told so, and ends with 130', async () => {
    const secrets = await secretsFile({ keys, current: 'new' });
    const rows = Array.from({ length: 2_000 }, (_, n) => `user ${n},${String(n + 1).padStart(40, '0')}`);
    const csv = await secretsFile(['user_id,secret_hex', ...rows].join('\n'), 'long.csv');
    const args = ['import', 'csv', csv, '-d', DATA_SOURCE, '-s', secrets, '--json', '--batch-size', '1'];
    const { child, ended } = startCommand(args, tables().database);
    child.stderr?.once('data', () => child.kill('SIGINT'));
    const { code, out } = await ended;
    expect(code).toBe(130);
    const report = JSON.parse(out) as TotpImportReport;
    expect(report).toMatchObject({ aborted: true, refused: [], read: report.imported });
    expect(await store().countAccounts('new')).toBe(report.imported);
    expect(report.imported).toBeGreaterThan(0);
    expect(report.imported).toBeLessThan(2_000);
  });

  it('what the application’s files print is no part of the report', async () => {
    const chatty = await secretsFile(
      `console.log('Loading'); export default ${JSON.stringify({ keys, current: 'new' })};`,
      'chatty.mjs',
    );
    const { out, errors } = await runCommand(['keys', '-d', DATA_SOURCE, '-s', chatty, '--json'], tables().database);
    expect(JSON.parse(out)).toEqual({ keys: [], unused: ['old', 'new'] });
    expect(errors).toBe('Loading\n');
  });

  it('no text of a file or of the database steers the terminal', async () => {
    const steering = 'ann \u009b31m\u202e\u2028';
    const [user] = await enrolUsers(store(), 1, [cipher('old')]);
    const loaded = await store().load(user?.userId ?? '');
    if (loaded === null) throw new Error('There is no such user.');
    await store().commit(steering, null, withSealedSecret(loaded.account, 'old:v1.AAAA'));
    const shown = String.raw`"ann \u009b31m\u202e\u2028"`;
    expect((await run('rotate-keys')).out).toContain(`  ${shown}: A stored secret was damaged.`);
    await enrolUsers(store(), 1, [cipher('old')]);
    const { out } = await run('rotate-keys', '--json');
    expect(out).not.toMatch(/[\u009b\u202e\u2028]/);
    expect(JSON.parse(out)).toMatchObject({ failures: [{ userId: steering }] });

    const users = await secretsFile(`account,user_id\n"${steering}",1\n"${steering}",2\n`, 'steering.csv');
    const { errors } = await run('import', 'key-uris', fixture('key-uris.txt'), '--users', users);
    expect(errors).toContain(`maps the account ${shown} to a second user`);
  });

  it('import takes what is of one issuer alone, and tells when nothing is', async () => {
    const uris = ['Acme:ann', 'Other:ann', 'bob'].map(
      (label, n) => `otpauth://totp/${label}?secret=${'ABCD'.repeat(7)}A${'ABC'[n]}A`,
    );
    const args = [
      'import',
      'key-uris',
      await secretsFile(uris.join('\n'), 'uris.txt'),
      '--accounts-are-user-ids',
    ] as const;
    const { out, code } = await run(...args, '--issuer', 'Acme');
    expect(out).toBe('1 device read, 1 imported, 0 already there, 0 refused.\n');
    expect(code).toBe(0);
    const none = await run(...args, '--issuer', 'acme');
    expect(none).toMatchObject({
      code: 2,
      errors: 'error: No device has the issuer "acme". Check --issuer: case counts.\n',
    });
  });

  it('import takes nothing of a file that turns out to be broken at its end', async () => {
    const rows = Array.from({ length: 300 }, (_, n) => `user ${n},${String(n + 1).padStart(40, '0')}\n`).join('');
    const csv = await secretsFile(`user_id,secret_hex\n${rows}"never closed,`, 'broken.csv');
    const { out, errors, code } = await run('import', 'csv', csv, '--batch-size', '1');
    expect({ out, code }).toEqual({ out: '', code: 2 });
    expect(errors).toContain('broken.csv cannot be read: The CSV was not read: the row after line 301 is broken');
    expect(await store().load('user 0')).toBeNull();
  });

  it('import reports a secret that two users have', async () => {
    const csv = await secretsFile(`user_id,secret_hex\nann,${'ab'.repeat(20)}\nbob,${'ab'.repeat(20)}\n`, 'shared.csv');
    const { out, code } = await run('import', 'csv', csv, '--dry-run');
    expect(out).toBe(
      '2 devices read, 2 would be imported, 0 already there, 0 refused.\n' +
        '  warning: line 3 has the same secret as line 2, which belongs to another user\n',
    );
    expect(code).toBe(0);
  });

  it('rotate-keys names the users whose secrets do not open', async () => {
    const [user] = await enrolUsers(store(), 2, [cipher('old')]);
    const userId = user?.userId ?? '';
    const loaded = await store().load(userId);
    if (loaded === null) throw new Error('There is no such user.');
    await store().commit(userId, loaded.revision, withSealedSecret(loaded.account, 'old:v1.AAAA'));
    const { code, out } = await run('rotate-keys');
    expect(code).toBe(1);
    expect(out).toContain(`  ${JSON.stringify(userId)}: A stored secret was damaged.`);
  });

  describeWithOathtool('import', () => {
    it('reads SuperTokens’ database itself', async () => {
      const { own } = tables();
      const originals = files.find(({ name }) => name === 'supertokens-postgresql.csv')?.originals ?? [];
      await own.query(`CREATE TABLE totp_user_devices (app_id VARCHAR(64), user_id VARCHAR(128), device_name VARCHAR(256),
        secret_key VARCHAR(256), period INTEGER, skew INTEGER, verified BOOLEAN, created_at BIGINT)`);
      await own.query(
        'CREATE TABLE userid_mapping (app_id VARCHAR(64), supertokens_user_id CHAR(36), external_user_id VARCHAR(128))',
      );
      const rows = await readFile(fixture('supertokens-postgresql.jsonl'), 'utf8');
      for (const row of rows.trim().split('\n')) {
        const device = JSON.parse(row) as Record<string, string | number | boolean>;
        const columns = ['app_id', 'user_id', 'device_name', 'secret_key', 'period', 'skew', 'verified', 'created_at'];
        const values = columns.map((column) => device[column] ?? 0);
        const literals = values.map((value) =>
          typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value),
        );
        await own.query(`INSERT INTO totp_user_devices VALUES (${literals.join(', ')})`);
      }
      const { out, errors } = await run('import', 'supertokens-database', '--from', SUPERTOKENS);
      expect(errors).not.toContain('error');
      expect(out).toContain(`${originals.length} imported`);
      for (const original of originals) expect(await signIn(original[0], original)).toEqual({ status: 'OK' });
      const again = await run('import', 'supertokens-database', '--from', DATA_SOURCE);
      expect(again.out).toContain(`0 imported, ${originals.length} already there`);
      await own.query('DROP TABLE totp_user_devices');
      await own.query('DROP TABLE userid_mapping');
    });
  });
});

describeWithOathtool('import', () => {
  const { store, run, signIn } = useCommands(databases[0].open);

  const imports = [
    { name: 'key-uris.txt', args: ['key-uris', fixture('key-uris.txt'), '--accounts-are-user-ids'] },
    {
      name: 'google-authenticator.txt',
      args: ['google-authenticator', fixture('google-authenticator.txt'), '--accounts-are-user-ids'],
    },
    { name: 'supertokens-postgresql.csv', args: ['supertokens', fixture('supertokens-postgresql.csv')] },
    { name: 'supertokens-mysql.jsonl', args: ['supertokens', fixture('supertokens-mysql.jsonl')] },
    { name: 'devices.csv', args: ['csv', fixture('devices.csv')] },
  ];

  it.each(imports)('of $name lets its users sign in with the codes of their apps', async ({ name, args }) => {
    const { originals, refused } = files.find((file) => file.name === name) ?? { originals: [], refused: [] };
    const [format = '', ...rest] = args;
    const { code, out } = await run('import', format, ...rest);
    const total = originals.length + refused.length;
    expect(out).toContain(
      `${total} devices read, ${originals.length} imported, 0 already there, ${refused.length} refused.`,
    );
    for (const source of refused) expect(out).toContain(`  ${source}: `);
    expect(code).toBe(refused.length === 0 ? 0 : 1);
    for (const original of originals) expect(await signIn(original[0], original)).toEqual({ status: 'OK' });
  });

  it('tells beforehand what it would do, and does nothing twice', async () => {
    const csv = ['csv', fixture('devices.csv')];
    await Promise.all(['ann', 'bob', 'cem', 'dana@example.com'].map((userId) => erase(store(), userId)));
    const dry = await run('import', ...csv, '--dry-run', '--json');
    expect(JSON.parse(dry.out)).toMatchObject({ read: 6, imported: 4, alreadyThere: 0, aborted: false });
    expect(await store().load('ann')).toBeNull();
    expect((await run('import', ...csv)).out).toContain('6 devices read, 4 imported, 0 already there, 2 refused.');
    expect((await run('import', ...csv)).out).toContain('6 devices read, 0 imported, 4 already there, 2 refused.');
  });

  it('warns of users who are left without a second factor, and writes all of them into a file', async () => {
    const rows = Array.from({ length: 12 }, (_, n) => `user ${n},AAAA\n`);
    const csv = await secretsFile(`user_id,secret\n${rows.join('')}`, 'weak.csv');
    const file = await secretsFile('', 'unprotected.json');
    const { code, out } = await run('import', 'csv', csv, '--unprotected', file);
    expect(code).toBe(1);
    expect(out).toContain(
      'warning: 12 users without a second factor, because every device was refused: "user 0", "user 1"',
    );
    expect(out).toContain('and 2 more');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(Array.from({ length: 12 }, (_, n) => `user ${n}`));
  });

  it('takes the users of accounts from a file', async () => {
    const users = await secretsFile('account,user_id\nann@example.com,user 1\nbob,user 2\n', 'users.csv');
    const args = ['key-uris', fixture('key-uris.txt'), '--users', users];
    const { out } = await run('import', ...args);
    expect(out).toContain('2 imported');
    expect(out).toContain('the user it belongs to is unknown');
    const { originals } = files.find(({ name }) => name === 'key-uris.txt') ?? { originals: [] };
    for (const [n, original] of originals.slice(0, 2).entries()) {
      expect(await signIn(`user ${n + 1}`, original)).toEqual({ status: 'OK' });
    }
  });
});

describe('keys generate', () => {
  it('prints a key that the module takes, and nothing else, on standard output', async () => {
    const { code, out, errors } = await runCommand(['keys', 'generate']);
    expect(code).toBe(0);
    expect(readKeyRing({ keys: { k1: out }, current: 'k1' }).keys.get('k1')?.symmetricKeySize).toBe(32);
    expect(errors).toContain('outside the database');
    expect((await runCommand(['keys', 'generate'])).out).not.toBe(out);
  });
});

describe('wrong usage is told in a sentence, without a stack, and ends with a code of its own:', () => {
  const [sqlite] = databases;
  const cases: [what: string, args: (file: typeof secretsFile) => Promise<string[]>, told: string][] = [
    [
      'a data source that is not there',
      async () => ['keys', '-d', 'away.js', '-s', await secretsFile({ keys, current: 'new' })],
      'away.js',
    ],
    [
      'a data source in TypeScript',
      async () => ['keys', '-d', fixture('../originals.ts'), '-s', await secretsFile({ keys, current: 'new' })],
      'Name the compiled file',
    ],
    ['keys that are not there', () => Promise.resolve(['keys', '-d', DATA_SOURCE, '-s', 'away.json']), 'away.json'],
    [
      'keys that are not JSON',
      async (file) => ['keys', '-d', DATA_SOURCE, '-s', await file(`{"keys": ${keys.old}}`, 'broken.json')],
      'is not JSON',
    ],
    [
      'weak keys',
      async (file) => [
        'keys',
        '-d',
        DATA_SOURCE,
        '-s',
        await file({ keys: { k1: 'abc' }, current: 'k1' }, 'weak.json'),
      ],
      'npx nestjs-totp-cli keys generate',
    ],
    [
      'a folder for a file',
      async (file) => ['import', 'csv', folder, '-d', DATA_SOURCE, '-s', await file({ keys, current: 'new' })],
      'cannot be read: EISDIR',
    ],
    [
      'two files that are piped in',
      () => Promise.resolve(['import', 'key-uris', '-', '--users', '-', '-d', DATA_SOURCE, '-s', 'keys.json']),
      'Only one file can be read from standard input',
    ],
    [
      'a file for a database',
      async (file) => [
        'import',
        'supertokens-database',
        fixture('devices.csv'),
        '--from',
        SUPERTOKENS,
        '-d',
        DATA_SOURCE,
        '-s',
        await file({ keys, current: 'new' }),
      ],
      'reads no files',
    ],
    [
      'a module that throws, in whose words is a key',
      async (file) => ['keys', '-d', DATA_SOURCE, '-s', await file(`throw new Error('${keys.old}');`, 'throws.mjs')],
      'throws.mjs cannot be loaded: it throws',
    ],
    [
      'a module that is not there',
      () => Promise.resolve(['keys', '-d', DATA_SOURCE, '-s', 'away.mjs']),
      'Cannot find module',
    ],
    [
      'a module without keys',
      async (file) => ['keys', '-d', DATA_SOURCE, '-s', await file('export const none = 1;', 'none.mjs')],
      'secrets must be',
    ],
    [
      'no format',
      async () => [
        'import',
        'xml',
        fixture('devices.csv'),
        '-d',
        DATA_SOURCE,
        '-s',
        await secretsFile({ keys, current: 'new' }),
      ],
      'Allowed choices are key-uris',
    ],
    [
      'no file',
      async () => ['import', 'csv', '-d', DATA_SOURCE, '-s', await secretsFile({ keys, current: 'new' })],
      'Name the file',
    ],
    [
      'accounts without users',
      async () => [
        'import',
        'key-uris',
        fixture('key-uris.txt'),
        '-d',
        DATA_SOURCE,
        '-s',
        await secretsFile({ keys, current: 'new' }),
      ],
      '--accounts-are-user-ids',
    ],
    [
      'users twice',
      async () => [
        'import',
        'csv',
        fixture('devices.csv'),
        '--user',
        'ann',
        '-d',
        DATA_SOURCE,
        '-s',
        await secretsFile({ keys, current: 'new' }),
      ],
      'contains user ids',
    ],
    [
      'an account of two users',
      async (file) => [
        'import',
        'key-uris',
        fixture('key-uris.txt'),
        '--users',
        await file('account,user_id\na,1\na,2\n', 'two.csv'),
        '-d',
        DATA_SOURCE,
        '-s',
        await secretsFile({ keys, current: 'new' }),
      ],
      'to a second user',
    ],
    [
      'SuperTokens without its database',
      async () => [
        'import',
        'supertokens-database',
        '-d',
        DATA_SOURCE,
        '-s',
        await secretsFile({ keys, current: 'new' }),
      ],
      '--from',
    ],
  ];

  it.each(cases)('%s', async (_, args, told) => {
    const database = await sqlite.open();
    const { code, out, errors } = await runCommand(await args(secretsFile), database);
    await database.drop();
    expect(errors).toContain(told);
    expect(errors).not.toMatch(/\n\s+at /);
    expect(errors.includes(keys.old)).toBe(false);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('a batch that is too large is refused with the range', async () => {
    const { code, errors } = await runCommand(['rotate-keys', '-d', 'x', '-s', 'y', '--batch-size', '99999']);
    expect(errors).toContain('Write a whole number from 1 to 10000.');
    expect(code).toBe(2);
  });

  it('a database without the tables is told with what to do', async () => {
    const database = await sqlite.open();
    const secrets = await secretsFile({ keys, current: 'new' });
    const { code, errors } = await runCommand(['keys', '-d', DATA_SOURCE, '-s', secrets], database);
    await database.drop();
    expect(errors).toContain('run TOTP_MIGRATIONS');
    expect(errors).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  });
});

it('keys may be written with a byte order mark', async () => {
  const [sqlite] = databases;
  const database = await sqlite.open();
  const file = await secretsFile(`\uFEFF${JSON.stringify({ keys, current: 'new' })}`, 'marked.json');
  const { errors } = await runCommand(['keys', '-d', DATA_SOURCE, '-s', file], database);
  await database.drop();
  expect(errors).toContain('run TOTP_MIGRATIONS'); // They were read, and the empty database was asked.
});

it('a database that does not answer is told in a sentence', async () => {
  const secrets = await secretsFile({ keys, current: 'new' });
  const options = { type: 'postgres', host: 'localhost', port: 1, password: 'hunter2' } as const;
  const { code, out, errors } = await runCommand(['keys', '-d', DATA_SOURCE, '-s', secrets], { options });
  expect(errors).toMatch(/^error: The database of .*data-source.js cannot be opened: .*ECONNREFUSED.*\n$/);
  expect({ code, out }).toEqual({ code: 1, out: '' });
});

it('a module may export a cipher of its own instead of keys', async () => {
  const [sqlite] = databases;
  const database = await sqlite.open();
  const library = join(import.meta.dirname, '..', '..', 'dist', 'index.js');
  const file = await secretsFile(
    `import { TotpSecretCipher } from ${JSON.stringify(library)};
     class Own extends TotpSecretCipher { currentKeyId = 'own'; keyIds = ['own', 'older'];
       async seal() { return 'own:x'; } async open() { return new Uint8Array(20); } }
     export default Promise.resolve(new Own());`,
    'cipher.mjs',
  );
  const { errors } = await runCommand(['keys', '-d', DATA_SOURCE, '-s', file], database);
  await database.drop();
  expect(errors).toContain('run TOTP_MIGRATIONS'); // It was loaded, and the empty database was asked.
});

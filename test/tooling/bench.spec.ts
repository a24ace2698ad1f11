/** The bench still measures all that it promises: each row once, on SQLite, with whatever figures come of it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT, run } from '../packaging/packed-library.js';

const BENCH = join(PROJECT, 'bench');

interface Report {
  readonly rows: readonly {
    readonly measurement: string;
    readonly median: number;
    readonly ratio?: { readonly median: number };
  }[];
}

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'totp-bench-spec-'));
  if (process.env.TOTP_TEST_BENCH === '1' && !existsSync(join(BENCH, 'node_modules')))
    await run('npm', ['ci', '--no-audit', '--no-fund'], BENCH);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

// Of its own command in `.ci/run`, since it takes as long as a tenth of all other tests.
const inFull = process.env.TOTP_TEST_BENCH === '1' ? it : it.skip;

inFull('measures every row', async () => {
  const output = join(folder, 'report.json');
  await run('node', [join(BENCH, 'run.js'), '--quick', '--database=sqlite', `--output=${output}`], PROJECT);

  const { rows } = JSON.parse(readFileSync(output, 'utf8')) as Report;
  const files = readdirSync(join(BENCH, 'measurements')).map((file) => file.replace(/\.js$/, ''));
  expect(new Set(rows.map(({ measurement }) => measurement))).toEqual(
    // A cluster is measured only on request, since it needs servers of its own.
    new Set(files.filter((name) => !['index', 'cluster'].includes(name))),
  );
  for (const { median, ratio } of rows) {
    expect(median).toBeGreaterThan(0);
    if (ratio !== undefined) expect(ratio.median).toBeGreaterThan(0);
  }
});

it('shares Nest, TypeORM, RxJS and the drivers with the built module: it installs none of its own', () => {
  const manifest = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
    readonly peerDependencies: object;
  };
  const lock = JSON.parse(readFileSync(join(BENCH, 'package-lock.json'), 'utf8')) as { readonly packages: object };
  const shared = [...Object.keys(manifest.peerDependencies), 'better-sqlite3', 'mysql2', 'pg'];
  expect(Object.keys(lock.packages).filter((path) => shared.some((name) => path === `node_modules/${name}`))).toEqual(
    [],
  );
});

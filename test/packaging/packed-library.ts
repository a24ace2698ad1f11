import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

export const PROJECT = join(import.meta.dirname, '..', '..');

export interface PackedLibrary {
  /** Holds the tarball, and files of tests; deleted by `remove()`. */
  folder: string;
  /** The project as it was packed, with `dist/`. */
  project: string;
  tarball: string;
  remove: () => void;
}

/** Builds and packs a copy of the project, so that tests and builds of the project itself never meet. */
export async function packLibrary(): Promise<PackedLibrary> {
  const folder = mkdtempSync(join(tmpdir(), 'totp-packed-'));
  const project = join(folder, 'project');
  const left = ['node_modules', 'dist', '.git', 'data', 'coverage'];
  cpSync(PROJECT, project, { recursive: true, filter: (path) => !left.includes(basename(path)) });
  symlinkSync(join(PROJECT, 'node_modules'), join(project, 'node_modules'), 'junction');
  await run('npm', ['pack', '--pack-destination', folder], project);
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack wrote no tarball.');
  return {
    folder,
    project,
    tarball: join(folder, tarball),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a command and returns what it printed; a failure's message has both outputs. */
export async function run(command: string, args: string[], cwd: string): Promise<string> {
  // A consumer runs plain Node, without the flags and variables of this test run.
  const own = /^(npm_|jest_|node_options$|node_env$)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed.\n${stdout ?? ''}\n${stderr ?? ''}`, { cause: error });
  }
}

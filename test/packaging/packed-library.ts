import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

export const PROJECT = join(import.meta.dirname, '..', '..');

export interface PackedLibrary {
  /** Holds the tarballs and whatever a test adds; deleted by `remove()`. */
  folder: string;
  /** The project as it was packed, with its builds. */
  project: string;
  /** Of `nestjs-totp`. */
  tarball: string;
  /** Of `nestjs-totp-cli`. */
  cliTarball: string;
  remove: () => void;
}

/** Builds and packs both packages in a copy of the project, so that tests and builds of the project itself never meet. */
export async function packLibrary(): Promise<PackedLibrary> {
  const folder = mkdtempSync(join(tmpdir(), 'totp-packed-'));
  const project = join(folder, 'project');
  const left = ['node_modules', 'dist', '.git', 'data', 'coverage'];
  cpSync(PROJECT, project, { recursive: true, filter: (path) => !left.includes(basename(path)) });
  symlinkSync(join(PROJECT, 'node_modules'), join(project, 'node_modules'), 'junction');
  const both = ['--workspaces', '--include-workspace-root'];
  await run('npm', ['run', 'build'], project);
  await run('npm', ['pack', '--ignore-scripts', ...both, '--pack-destination', folder], project);
  const tarballOf = (name: string) => {
    const file = readdirSync(folder).find((path) => new RegExp(`^${name}-\\d.*\\.tgz$`).test(path));
    if (file === undefined) throw new Error(`npm pack wrote no tarball of ${name}.`);
    return join(folder, file);
  };
  return {
    folder,
    project,
    tarball: tarballOf('nestjs-totp'),
    cliTarball: tarballOf('nestjs-totp-cli'),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a command and returns what it printed; a failure's message has both outputs. */
export async function run(command: string, args: string[], cwd: string): Promise<string> {
  // A consumer runs plain Node, without the flags and variables of this test run.
  const own = /^(npm_|jest_|node_options$|node_env$|force_color$)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed.\n${stdout ?? ''}\n${stderr ?? ''}`, { cause: error });
  }
}

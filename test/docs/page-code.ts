/** The code of a page: taken from below its headings, compiled as an application compiles it, and imported. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { Type } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import ts from 'typescript';
import { PROJECT, read } from './documents.js';

/** The first piece of TypeScript below each of some headings, which a test names. */
export class PageCode<Name extends string> {
  private constructor(
    /** Where the code is. */
    readonly folder: string,
    private readonly names: readonly Name[],
  ) {}

  /** @param standIns files in place of packages that the project does not have, by the name of the package */
  static async of<Name extends string>(
    page: string,
    headings: Readonly<Record<Name, string>>,
    standIns: Readonly<Record<string, string>> = {},
  ): Promise<PageCode<Name>> {
    const folder = await mkdtemp(join(tmpdir(), 'totp-page-'));
    await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const names = Object.keys(headings) as Name[];
    for (const name of names) {
      const section = read(page).split(`\n## ${headings[name]}\n`)[1]?.split('\n## ')[0] ?? '';
      let code = /```ts\n(.*?)```/s.exec(section)?.[1] ?? '';
      for (const [packageName, file] of Object.entries(standIns)) {
        code = code.replaceAll(`from '${packageName}'`, `from '${relative(folder, resolve(PROJECT, file))}'`);
      }
      await writeFile(join(folder, `${name}.ts`), code);
    }
    return new PageCode(folder, names);
  }

  /**
   * What the compiler says of it, under the strictest settings.
   *
   * @param compilerOptions for code that needs others, as `tsconfig.json` has them
   */
  problems(compilerOptions: object = {}): string[] {
    const files = this.names.map((name) => join(this.folder, `${name}.ts`));
    const settings = ts.readConfigFile(join(PROJECT, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(
      {
        ...settings.config.compilerOptions,
        rootDir: '/',
        typeRoots: [join(PROJECT, 'node_modules/@types')],
        ...compilerOptions,
      },
      PROJECT,
    );
    const problems = ts.getPreEmitDiagnostics(ts.createProgram(files, options));
    return problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  }

  /** What the code below a heading exports. */
  async exports(name: Name): Promise<Record<string, unknown>> {
    return (await import(join(this.folder, `${name}.ts`))) as Record<string, unknown>;
  }

  async class(name: Name, exported: string): Promise<Type> {
    return (await this.exports(name))[exported] as Type;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** Creates the table of an entity, as a migration of the application would. */
export async function createTable(dataSource: DataSource, entity: Type): Promise<void> {
  const { tableName, columns } = dataSource.getMetadata(entity);
  const definitions = columns.map(
    ({ databaseName, isPrimary }) => `"${databaseName}"${isPrimary ? ' PRIMARY KEY' : ''}`,
  );
  await dataSource.query(`CREATE TABLE "${tableName}" (${definitions.join(', ')})`);
}

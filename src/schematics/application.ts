/** What `nest add` finds out about an application. */
import { posix } from 'node:path';
import { TotpConfigurationError } from '../shared/errors.js';
import { property, textProperty } from '../shared/unknown.js';
import type { Tree } from './host.js';
import { SourceFile } from './source-file.js';

const SESSION_LIBRARIES = ['express-session', '@fastify/session', '@fastify/secure-session', 'cookie-session'];

/** A guard of the application that signs users in. */
export interface SignInGuard {
  readonly name: string;
  readonly path: string;
}

export class Application {
  private readonly manifest: unknown;
  /** All TypeScript files but tests. */
  readonly files: readonly string[];

  constructor(
    private readonly tree: Tree,
    readonly sourceRoot: string,
  ) {
    this.manifest = JSON.parse(tree.readText('/package.json'));
    const files: string[] = [];
    tree.root.visit((path) => {
      const isSource = path.startsWith(`/${sourceRoot}/`) && path.endsWith('.ts') && !/\.(spec|test|d)\.ts$/.test(path);
      if (isSource && !path.includes('/node_modules/')) files.push(path);
    });
    this.files = files;
  }

  /** As it appears in authenticator apps, until somebody writes a better one. */
  get name(): string {
    return textProperty(this.manifest, 'name')?.replace(/^@.*\//, '') ?? 'My application';
  }

  /** The ending of relative imports: in ES modules, they name the file. */
  get importEnding(): string {
    return property(this.manifest, 'type') === 'module' ? '.js' : '';
  }

  get nestVersion(): number {
    const range = this.versionOf('@nestjs/core') ?? this.versionOf('@nestjs/common') ?? '';
    return Number(/\d+/.exec(range)?.[0] ?? 12);
  }

  get hasServerSessions(): boolean {
    return SESSION_LIBRARIES.some((name) => this.versionOf(name) !== undefined);
  }

  versionOf(dependency: string): string | undefined {
    const versionIn = (kind: string) => textProperty(property(this.manifest, kind), dependency);
    return versionIn('dependencies') ?? versionIn('devDependencies');
  }

  open(path: string): SourceFile {
    return new SourceFile(path, this.tree.readText(path));
  }

  /** The files that contain a text. */
  filesWith(text: string): string[] {
    return this.files.filter((path) => this.tree.readText(path).includes(text));
  }

  /** The root module: what `NestFactory.create` is called with. */
  rootModule(): { readonly className: string; readonly path: string } {
    for (const path of this.filesWith('NestFactory.create')) {
      const file = this.open(path);
      const [call] = file.calls('NestFactory.create');
      const className = call?.arguments[0]?.getText() ?? '';
      const from = file.importedFrom(className);
      const found = from === undefined ? path : resolveImport(path, from);
      if (className !== '' && this.tree.exists(found)) return { className, path: found };
    }
    throw new TotpConfigurationError(
      `nest add nestjs-totp: found no NestFactory.create(AppModule) under ${this.sourceRoot}/. ` +
        'Run the command in the folder of a Nest application, or add TotpModule by hand as its README shows.',
    );
  }

  /** The only guard whose name says that it signs in; undefined without one, or with several. */
  signInGuard(): SignInGuard | undefined {
    const guards = this.filesWith('Guard').flatMap((path) => {
      const [, name] =
        /export class (\w*(?:Auth|Jwt|SignedIn|SignIn|Session)\w*Guard)\b/.exec(this.tree.readText(path)) ?? [];
      return name === undefined ? [] : [{ name, path }];
    });
    return guards.length === 1 ? guards[0] : undefined;
  }

  /** A file of the application as an import of another names it. */
  specifier(from: string, to: string): string {
    const path = posix.relative(posix.dirname(from), to).replace(/\.ts$/, this.importEnding);
    return path.startsWith('.') ? path : `./${path}`;
  }

  /** `package.json` with what is missing in `dependencies`. */
  withDependencies(versions: Readonly<Record<string, string>>): string {
    const present: unknown = property(this.manifest, 'dependencies');
    const missing = Object.entries(versions).filter(([name]) => this.versionOf(name) === undefined);
    const merged = Object.entries({ ...(typeof present === 'object' ? present : {}), ...Object.fromEntries(missing) });
    const dependencies = Object.fromEntries(merged.sort(([a], [b]) => (a < b ? -1 : 1)));
    return `${JSON.stringify({ ...(typeof this.manifest === 'object' ? this.manifest : {}), dependencies }, null, 2)}\n`;
  }
}

function resolveImport(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), `${specifier.replace(/\.js$/, '')}.ts`);
}

/** Edits TypeScript files in place: what an edit does not concern stays as it was written. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type ts from 'typescript';

type TypeScript = typeof ts;

/** The application's own compiler, which every Nest application has. */
function compiler(): TypeScript {
  const require = createRequire(join(process.cwd(), 'package.json'));
  // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- a module that is loaded at run time has no type
  const loaded: TypeScript = require('typescript');
  return loaded;
}

interface Insertion {
  readonly at: number;
  /** Where the text that is replaced ends. */
  readonly end: number;
  readonly text: string;
}

/** A TypeScript file and the edits to make in it. */
export class SourceFile {
  private readonly ts = compiler();
  private readonly tree: ts.SourceFile;
  private readonly insertions: Insertion[] = [];
  private readonly newImports = new Map<string, Set<string>>();

  constructor(
    readonly path: string,
    private readonly text: string,
  ) {
    this.tree = this.ts.createSourceFile(path, text, this.ts.ScriptTarget.Latest, true);
  }

  /** The module that a name is imported from; undefined when it is not. */
  importedFrom(name: string): string | undefined {
    const declaration = this.imports().find((one) => this.namesOf(one).includes(name));
    return declaration && this.specifierOf(declaration);
  }

  addImport(name: string, from: string): void {
    if (this.importedFrom(name) !== undefined) return;
    const names = this.newImports.get(from) ?? new Set();
    this.newImports.set(from, names.add(name));
  }

  /** The calls of a static method, such as `TypeOrmModule.forRoot`. */
  calls(callee: string): ts.CallExpression[] {
    return this.find(this.ts.isCallExpression, (call) => call.expression.getText(this.tree) === callee);
  }

  /** The object that the decorator `@Module()` is called with; of the class with this name, if it is given. */
  moduleMetadata(className?: string): ts.ObjectLiteralExpression | undefined {
    const { ts } = this;
    const [decorator] = this.find(ts.isDecorator, ({ expression, parent }) => {
      const isModule = ts.isCallExpression(expression) && expression.expression.getText(this.tree) === 'Module';
      return (
        isModule && (className === undefined || (ts.isClassDeclaration(parent) && parent.name?.text === className))
      );
    });
    const call = decorator?.expression;
    const argument = call && ts.isCallExpression(call) ? call.arguments[0] : undefined;
    return argument && ts.isObjectLiteralExpression(argument) ? argument : undefined;
  }

  /** The first argument of a call, if it is an object literal. */
  optionsOf(call: ts.CallExpression): ts.ObjectLiteralExpression | undefined {
    const [options] = call.arguments;
    return options && this.ts.isObjectLiteralExpression(options) ? options : undefined;
  }

  property(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
    const found = object.properties.find((one) => one.name?.getText(this.tree) === name);
    return found && this.ts.isPropertyAssignment(found) ? found.initializer : undefined;
  }

  /**
   * Adds elements to the array that a property of an object is; adds the property if it is missing.
   *
   * @returns false when the property is something else than an array literal
   */
  addElements(object: ts.ObjectLiteralExpression, name: string, elements: readonly string[]): boolean {
    const has = object.properties.some((one) => one.name?.getText(this.tree) === name);
    const value = this.property(object, name);
    const indent = this.indentOf(object);
    if (!has) {
      this.addProperty(object, `${name}: ${list(elements, `${indent}  `)}`);
      return true;
    }
    if (value === undefined || !this.ts.isArrayLiteralExpression(value)) return false;
    const present = value.elements.map((element) => element.getText(this.tree));
    const missing = elements.filter((element) => !present.includes(element));
    const last = value.elements.at(-1);
    if (missing.length === 0) return true;
    if (last !== undefined && value.getText(this.tree).includes('\n')) {
      const at = last.getEnd();
      this.insertions.push({
        at,
        end: at,
        text: missing.map((element) => `,\n${this.indentOf(last)}${element}`).join(''),
      });
    } else {
      const text = list([...present, ...missing], `${indent}  `);
      this.insertions.push({ at: value.getStart(this.tree), end: value.getEnd(), text });
    }
    return true;
  }

  /** The text with all edits. */
  edited(): string {
    const edits = [...this.insertions, ...this.importEdits()].sort((a, b) => b.at - a.at);
    return edits.reduce((text, { at, end, text: added }) => text.slice(0, at) + added + text.slice(end), this.text);
  }

  private addProperty(object: ts.ObjectLiteralExpression, property: string): void {
    const last = object.properties.at(-1);
    const inner = `${this.indentOf(object)}  `;
    const at = last?.getEnd() ?? object.getStart(this.tree) + 1;
    const closing = last === undefined ? `,\n${this.indentOf(object)}` : '';
    this.insertions.push({ at, end: at, text: `${last === undefined ? '' : ','}\n${inner}${property}${closing}` });
  }

  private importEdits(): Insertion[] {
    const declarations = this.imports();
    const added: string[] = [];
    const edits: Insertion[] = [];
    for (const [from, names] of this.newImports) {
      const existing = declarations.find((one) => this.specifierOf(one) === from && this.namesOf(one).length > 0);
      const bindings = existing?.importClause?.namedBindings;
      if (bindings === undefined) added.push(`import { ${[...names].join(', ')} } from '${from}';\n`);
      else {
        const text = `{ ${[...(existing === undefined ? [] : this.namesOf(existing)), ...names].join(', ')} }`;
        edits.push({ at: bindings.getStart(this.tree), end: bindings.getEnd(), text });
      }
    }
    const last = declarations.at(-1);
    const at = last === undefined ? 0 : last.getEnd() + 1;
    return added.length === 0 ? edits : [...edits, { at, end: at, text: added.join('') }];
  }

  private imports(): ts.ImportDeclaration[] {
    return this.tree.statements.filter(this.ts.isImportDeclaration);
  }

  private namesOf({ importClause }: ts.ImportDeclaration): string[] {
    const bindings = importClause?.namedBindings;
    if (bindings === undefined || !this.ts.isNamedImports(bindings)) return [];
    return bindings.elements.map((element) => element.getText(this.tree));
  }

  private specifierOf({ moduleSpecifier }: ts.ImportDeclaration): string {
    return this.ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : '';
  }

  /** The spaces that the line of a node begins with. */
  private indentOf(node: ts.Node): string {
    const start = this.text.lastIndexOf('\n', node.getStart(this.tree) - 1) + 1;
    return /^[ \t]*/.exec(this.text.slice(start))?.[0] ?? '';
  }

  private find<Node extends ts.Node>(
    isKind: (node: ts.Node) => node is Node,
    matches: (node: Node) => boolean,
  ): Node[] {
    const found: Node[] = [];
    const visit = (node: ts.Node): void => {
      if (isKind(node) && matches(node)) found.push(node);
      this.ts.forEachChild(node, visit);
    };
    visit(this.tree);
    return found;
  }
}

/** An array literal: on one line if it is short. */
function list(elements: readonly string[], indent: string): string {
  const line = `[${elements.join(', ')}]`;
  if (line.length <= 60 && !line.includes('\n')) return line;
  return `[\n${elements.map((element) => `${indent}  ${element.replaceAll('\n', `\n${indent}  `)},\n`).join('')}${indent}]`;
}

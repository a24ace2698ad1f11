/** What the schematics runner of Nest's CLI passes to a rule: the parts of `@angular-devkit/schematics` that are used here. */

/** The files of the application, as they will be written when the rule ends without an error. */
export interface Tree {
  readonly root: Directory;
  exists(path: string): boolean;
  readText(path: string): string;
  create(path: string, content: string): void;
  overwrite(path: string, content: string): void;
}

interface Directory {
  /** Calls back for each file, of folders within too. */
  visit(visitor: (path: string) => void): void;
}

export interface SchematicContext {
  readonly logger: { info(message: string): void; warn(message: string): void };
  addTask(task: { toConfiguration(): { readonly name: string; readonly options: object } }): unknown;
}

export type Rule = (tree: Tree, context: SchematicContext) => void;

/** Writes a file, whether it exists or not. */
export function write(tree: Tree, path: string, content: string): void {
  if (tree.exists(path)) tree.overwrite(path, content);
  else tree.create(path, content);
}

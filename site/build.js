/**
 * Builds the documentation site: the API reference from the docstrings, then all pages. `npm run docs` writes site/.vitepress/dist,
 * `npm run docs:dev` serves the pages and follows changes of them.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Application } from 'typedoc';
import { build, createServer } from 'vitepress';

const SITE = import.meta.dirname;
const PROJECT = join(SITE, '..');

rmSync(join(SITE, 'api'), { recursive: true, force: true });
const typedoc = await Application.bootstrapWithPlugins({
  options: join(SITE, 'typedoc.json'),
});
const reference = await typedoc.convert();
if (reference === undefined) throw new Error('TypeDoc found errors in src/: see above.');
typedoc.validate(reference);
await typedoc.generateOutputs(reference);
if (typedoc.logger.hasErrors()) throw new Error('TypeDoc could not write the API reference: see above.');

process.chdir(PROJECT);
if (process.argv.includes('--serve')) {
  const server = await createServer(SITE);
  await server.listen();
  server.printUrls();
} else {
  await build(SITE);
}

/** The JSON Schema of each event, made of its TypeScript type. `npm run schemas` writes them to `schemas/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createGenerator } from 'ts-json-schema-generator';
import { TOTP_EVENT_CLASSES } from '../../src/events/catalogue.js';

const root = join(import.meta.dirname, '../..');
export const SCHEMAS = join(root, 'schemas');

/** By the name of the event: what the file holds. */
export function schemas(): ReadonlyMap<string, object> {
  const generator = createGenerator({
    path: join(root, 'src/events/catalogue.ts'),
    tsconfig: join(root, 'tsconfig.json'),
    expose: 'none',
    topRef: false,
    // A later version may add fields.
    additionalProperties: true,
    skipTypeCheck: true,
  });
  return new Map(
    Object.entries(TOTP_EVENT_CLASSES).map(([name, { name: type }]) => {
      const head = {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: `urn:nestjs-totp:${name}:1`,
        title: name,
      };
      const schema = { ...generator.createSchema(type), ...head };
      delete schema.definitions;
      return [name, schema];
    }),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await mkdir(SCHEMAS, { recursive: true });
  for (const [name, schema] of schemas()) {
    await writeFile(join(SCHEMAS, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
}

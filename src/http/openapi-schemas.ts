/** Builds the JSON Schemas of which the OpenAPI description of the routes consists. */

/** A JSON Schema, as OpenAPI 3.0 and 3.1 both read it. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly title?: string;
  readonly enum?: readonly (string | boolean)[];
  readonly nullable?: true;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
  readonly example?: unknown;
}

export type Properties = Readonly<Record<string, Schema>>;

/** An answer, or part of one, with its name in the documentation. */
export interface Outcome {
  readonly status: string;
  readonly schema: Schema;
  readonly example: Readonly<Record<string, unknown>>;
}

export function text(
  description: string,
  example: string,
  limits: Pick<Schema, 'minLength' | 'maxLength'> = {},
): Schema {
  return { type: 'string', description, example, ...limits };
}

export function whole(description: string, example: number): Schema {
  return { type: 'integer', minimum: 0, description, example };
}

/** Epoch milliseconds. */
export function time(description: string): Schema {
  return whole(`${description}, in epoch milliseconds`, 1_790_000_000_000);
}

export function flag(description: string): Schema {
  return { type: 'boolean', description, example: true };
}

export function orNull(schema: Schema): Schema {
  return { ...schema, nullable: true };
}

export function list(items: Schema, description: string): Schema {
  return { type: 'array', items, description };
}

/** @param optional the properties that may be missing */
export function object(properties: Properties, optional: Properties = {}): Schema {
  const required = Object.keys(properties);
  return {
    type: 'object',
    properties: { ...properties, ...optional },
    ...(required.length === 0 ? {} : { required }),
  };
}

/** An answer with HTTP status 200, which its `status` tells from the others of its route. */
export function outcome(
  status: string,
  description: string,
  properties: Properties = {},
  optional: Properties = {},
): Outcome {
  const named: Schema = { type: 'string', enum: [status] };
  const example = Object.entries(properties).map(([name, schema]) => [name, exampleOf(schema)] as const);
  return {
    status,
    schema: { ...object({ status: named, ...properties }, optional), title: status, description },
    example: { status, ...Object.fromEntries(example) },
  };
}

function exampleOf({ example, items, properties }: Schema): unknown {
  if (example !== undefined) return example;
  if (items !== undefined) return [exampleOf(items)];
  return Object.fromEntries(Object.entries(properties ?? {}).map(([name, schema]) => [name, exampleOf(schema)]));
}

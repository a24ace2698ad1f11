/** The schemas of the package are those of the types, and what is sent keeps to them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { CloudEvent } from 'cloudevents';
import { TOTP_EVENT_NAMES, toCloudEvent } from 'nestjs-totp';
import { toEvent } from '../../src/events/catalogue.js';
import { happenings } from '../support/happenings.js';
import { SCHEMAS, schemas } from './schemas.js';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const origins = [
  { occurredAt: 7, userId: 'ann', tenantId: 'public', sessionHandle: 'session', traceparent },
  { occurredAt: 7, userId: 'ä📱', tenantId: 'public' },
];
const events = origins.flatMap((origin) => happenings.map((happening) => toEvent(happening, origin)));

async function read(name: string): Promise<{ $id: string }> {
  return JSON.parse(await readFile(join(SCHEMAS, `${name}.json`), 'utf8')) as { $id: string };
}

describe('schemas/', () => {
  it('holds what the types say: after a change of an event, npm run schemas', async () => {
    const made = schemas();
    expect((await readdir(SCHEMAS)).toSorted()).toEqual([...made.keys()].map((name) => `${name}.json`).toSorted());
    for (const [name, schema] of made) expect(await read(name)).toEqual(schema);
  });

  it('holds one schema for each event', () => {
    expect([...schemas().keys()]).toEqual(TOTP_EVENT_NAMES);
    expect([...new Set(happenings.map(({ name }) => name))]).toEqual(TOTP_EVENT_NAMES);
  });

  it.each(events)('accepts $name as it is sent, and nothing that lacks a field or has another type', async (event) => {
    const envelope = JSON.parse(JSON.stringify(await toCloudEvent(event, '/acme'))) as {
      data: Record<string, unknown>;
      dataschema: string;
    };
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { uuid: /^[0-9a-f-]{36}$/ } });
    const schema = await read(event.name);
    expect(envelope.dataschema).toBe(schema.$id);
    const validate = ajv.compile(schema);
    expect(validate(envelope.data) || validate.errors).toBe(true);
    for (const field of Object.keys(envelope.data)) {
      const { [field]: value, ...rest } = envelope.data;
      if (!['sessionHandle', 'traceparent'].includes(field)) expect([field, validate(rest)]).toEqual([field, false]);
      expect([field, validate({ ...rest, [field]: [value] })]).toEqual([field, false]);
    }
  });
});

describe('an envelope', () => {
  const event = toEvent(
    { name: 'totp.user.unlocked', reason: 'manual' },
    { ...origins[0], occurredAt: 1_800_000_000_000, userId: 'ann', tenantId: 'public' },
  );

  it('is a CloudEvent 1.0 as its SDK reads it', async () => {
    const envelope = await toCloudEvent(event, 'https://acme.example/accounts');
    expect(envelope).toEqual({
      specversion: '1.0',
      id: event.id,
      type: 'totp.user.unlocked',
      source: 'https://acme.example/accounts',
      subject: 'ann',
      time: '2027-01-15T08:00:00.000Z',
      datacontenttype: 'application/json',
      dataschema: 'urn:nestjs-totp:totp.user.unlocked:1',
      traceparent,
      data: event,
    });
    expect(new CloudEvent({ ...envelope }).toJSON()).toEqual({ ...envelope });
  });

  it('leaves a user id out of its attributes that no attribute may hold', async () => {
    const odd = toEvent(
      { name: 'totp.user.unlocked', reason: 'manual' },
      { occurredAt: 0, userId: 'a\nb', tenantId: 't' },
    );
    expect(await toCloudEvent(odd, '/acme')).not.toHaveProperty('subject');
  });

  it('is refused without a source', async () => {
    await expect(toCloudEvent(event, '')).rejects.toThrow();
  });
});

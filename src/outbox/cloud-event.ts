/** Events as CloudEvents 1.0, which services in any language and any broker's tools can read. */
import { TotpConfigurationError } from '../shared/errors.js';
import type { AnyTotpEvent } from '../events/catalogue.js';

/** An event in its envelope. */
export interface TotpCloudEvent {
  readonly specversion: '1.0';
  /** The event's own, which stays the same however often it is handed on. */
  readonly id: string;
  readonly type: AnyTotpEvent['name'];
  readonly source: string;
  /** The user id; missing when it holds control characters, which no attribute may. */
  readonly subject?: string;
  /** RFC 3339. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** The `$id` of one of the files under `schemas/`. */
  readonly dataschema: string;
  readonly data: AnyTotpEvent;
}

/**
 * Puts an event into its envelope, and has it checked by the SDK of CloudEvents.
 *
 * @param source which application it comes from: a URI reference, such as `https://acme.example/accounts`
 * @throws TotpConfigurationError when the SDK is not there; the SDK's own error when the source is none
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export async function toCloudEvent(event: AnyTotpEvent, source: string): Promise<TotpCloudEvent> {
  const { CloudEvent } = await sdk();
  const envelope: TotpCloudEvent = {
    specversion: '1.0',
    id: event.id,
    type: event.name,
    source,
    ...(/\p{Cc}/u.test(event.userId) ? {} : { subject: event.userId }),
    time: new Date(event.occurredAt).toISOString(),
    datacontenttype: 'application/json',
    dataschema: schemaId(event.name, event.version),
    data: event,
  };
  new CloudEvent({ ...envelope }).validate();
  return envelope;
}

/** Loaded by those only who send events to other services. */
async function sdk() {
  try {
    return await import('cloudevents');
  } catch (cause) {
    throw new TotpConfigurationError(
      'TotpModule: events go to other services as CloudEvents, whose package is missing: npm install cloudevents',
      { cause },
    );
  }
}

/** The `$id` of the JSON Schema of an event, which is in the package under `schemas/`. */
export function schemaId(name: AnyTotpEvent['name'], version: AnyTotpEvent['version']): string {
  return `urn:nestjs-totp:${name}:${String(version)}`;
}

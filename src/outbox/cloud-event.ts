/** Converts events to CloudEvents 1.0, which services in any language can read. */
import { TotpConfigurationError } from '../shared/errors.js';
import type { AnyTotpEvent } from '../events/catalogue.js';

/** An event in its envelope. */
export interface TotpCloudEvent {
  readonly specversion: '1.0';
  /** The event's own id, which is the same for each redelivery. */
  readonly id: string;
  readonly type: AnyTotpEvent['name'];
  readonly source: string;
  /** The user id; missing when it contains control characters, which an attribute must not. */
  readonly subject?: string;
  /** RFC 3339. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** The `$id` of one of the files under `schemas/`. */
  readonly dataschema: string;
  /** The distributed tracing extension. */
  readonly traceparent?: string;
  readonly data: AnyTotpEvent;
}

/**
 * Puts an event into its envelope, and validates it with the CloudEvents SDK.
 *
 * @param source identifies the application: a URI reference, such as `https://acme.example/accounts`
 * @throws TotpConfigurationError when the SDK is not installed; the SDK's own error when the source is not a URI reference
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
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    data: event,
  };
  new CloudEvent({ ...envelope }).validate();
  return envelope;
}

/** Loaded on demand, because only applications that send events to other services need the package. */
async function sdk() {
  try {
    return await import('cloudevents');
  } catch (cause) {
    throw new TotpConfigurationError(
      'TotpModule: the package cloudevents is missing, in whose format events are sent to other services. Run "npm install cloudevents".',
      { cause },
    );
  }
}

/** The `$id` of the JSON Schema of an event; the package has these files under `schemas/`. */
function schemaId(name: AnyTotpEvent['name'], version: AnyTotpEvent['version']): string {
  return `urn:nestjs-totp:${name}:${String(version)}`;
}

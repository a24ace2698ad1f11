/** Delivers events to other services through the application's message broker. */
import { fromEvent, lastValueFrom, type Observable, takeUntil } from 'rxjs';
import type { AnyTotpEvent } from '../events/catalogue.js';
import { type TotpCloudEvent, toCloudEvent } from './cloud-event.js';
import { TotpEventDestination } from './destination.js';

/** The part of `ClientProxy` of `@nestjs/microservices` that is used here. */
export interface TotpMessageClient {
  emit(pattern: string, data: unknown): Observable<unknown>;
  send(pattern: string, data: unknown): Observable<unknown>;
  unwrap?(): unknown;
}

export interface ClientProxyTotpEventDestinationOptions {
  /** The `source` of the CloudEvents, a URI reference; default `/nestjs-totp`. */
  readonly source?: string;
  /**
   * Whether an event counts as delivered only once there is a reply to it, default false: JetStream replies when it has stored the
   * event, a service with `@MessagePattern('totp.user.locked')` when it has handled it.
   */
  readonly reply?: boolean;
}

/**
 * Sends each event as a CloudEvent, under its name, through a `ClientProxy`: RabbitMQ, NATS, Kafka, Redis, MQTT or TCP.
 *
 * What "delivered" means depends on the transport. RabbitMQ and Kafka confirm that they have stored the event, NATS that the server
 * has received it, and Redis that it has passed it to the current subscribers.
 *
 * @example
 * \@Injectable()
 * class Broker extends ClientProxyTotpEventDestination {
 *   readonly name = 'broker';
 *
 *   constructor(@Inject('BROKER') client: ClientProxy) {
 *     super(client, { source: 'https://acme.example/accounts' });
 *   }
 * }
 * TotpModule.forRoot({
 *   …,
 *   events: { outbox: true },
 *   imports: [ClientsModule.register([{ name: 'BROKER', transport: Transport.RMQ, options: { … } }])],
 *   eventDestinations: [Broker],
 * })
 */
export abstract class ClientProxyTotpEventDestination extends TotpEventDestination {
  constructor(
    private readonly client: TotpMessageClient,
    private readonly options: ClientProxyTotpEventDestinationOptions = {},
  ) {
    super();
  }

  override async deliver(event: AnyTotpEvent, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const { source = '/nestjs-totp', reply = false } = this.options;
    const message = this.message(await toCloudEvent(event, source));
    if (reply) {
      // A client remembers each pending reply until its subscription ends.
      const answer = this.client.send(event.name, message).pipe(takeUntil(fromEvent(signal, 'abort')));
      // A service that replies without a value only completes the observable.
      refuseError(await lastValueFrom(answer, { defaultValue: undefined }));
      signal.throwIfAborted();
    } else {
      await lastValueFrom(this.client.emit(event.name, message), { defaultValue: undefined });
      await flush(this.client.unwrap?.());
    }
  }

  /** The message to send. On Kafka, override it with `{ key: event.subject, value: event }` to keep the order of each user. */
  protected message(event: TotpCloudEvent): unknown {
    return event;
  }
}

/** NATS does not acknowledge a publish; flush() resolves once the server has processed everything sent before it. */
async function flush(connection: unknown): Promise<void> {
  if (canFlush(connection)) await connection.flush();
}

function canFlush(connection: unknown): connection is { flush(): Promise<void> } {
  return (
    typeof connection === 'object' &&
    connection !== null &&
    'flush' in connection &&
    typeof connection.flush === 'function'
  );
}

/** JetStream replies with `{ error }` when it has not stored a message. A `ClientProxy` does not treat that as an error. */
function refuseError(reply: unknown): void {
  if (typeof reply !== 'object' || reply === null || !('error' in reply)) return;
  // A service may reply with `error: null`.
  if (reply.error === null || reply.error === undefined) return;
  throw new Error(`The reply was an error: ${JSON.stringify(reply.error)}`);
}

/** Events to other services, over the message broker that the application has set up. */
import { fromEvent, lastValueFrom, type Observable, takeUntil } from 'rxjs';
import type { AnyTotpEvent } from '../events/catalogue.js';
import { type TotpCloudEvent, toCloudEvent } from './cloud-event.js';
import { TotpEventDestination } from './destination.js';

/** What is needed of a `ClientProxy` of `@nestjs/microservices`. */
export interface TotpMessageClient {
  emit(pattern: string, data: unknown): Observable<unknown>;
  send(pattern: string, data: unknown): Observable<unknown>;
  unwrap?(): unknown;
}

export interface ClientProxyTotpEventDestinationOptions {
  /** The `source` of the CloudEvents, a URI reference; default `/nestjs-totp`. */
  readonly source?: string;
  /**
   * Whether an event is delivered only when somebody has answered to it, default false: JetStream that it is stored, or a service
   * with `@MessagePattern('totp.user.locked')` that it is done.
   */
  readonly reply?: boolean;
}

/**
 * Sends each event as a CloudEvent, under its name, through a `ClientProxy`: RabbitMQ, NATS, Kafka, Redis, MQTT or TCP.
 *
 * What "delivered" means is up to the transport. RabbitMQ and Kafka confirm that they have it, NATS that it has come, and Redis
 * that it was passed to whoever listened just then.
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
      // A client remembers whoever waits for a reply, until they wait no more.
      const answer = this.client.send(event.name, message).pipe(takeUntil(fromEvent(signal, 'abort')));
      // One who is done and has nothing to say sends no value.
      refuseError(await lastValueFrom(answer, { defaultValue: undefined }));
      signal.throwIfAborted();
    } else {
      await lastValueFrom(this.client.emit(event.name, message), { defaultValue: undefined });
      await flush(this.client.unwrap?.());
    }
  }

  /** What is sent, for transports that want more: `{ key: event.subject, value: event }` keeps a user's order on Kafka. */
  protected message(event: TotpCloudEvent): unknown {
    return event;
  }
}

/** NATS takes a message without a word: that it has come is known when it answers to what was sent after it. */
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

/** JetStream answers with `{ error }` when it has not stored a message, which is no error to a `ClientProxy`. */
function refuseError(reply: unknown): void {
  if (typeof reply !== 'object' || reply === null || !('error' in reply)) return;
  // A service may well say that there was none.
  if (reply.error === null || reply.error === undefined) return;
  throw new Error(`The answer was an error: ${JSON.stringify(reply.error)}`);
}

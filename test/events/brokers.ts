/** Real brokers, and what arrives there. */
import { randomUUID } from 'node:crypto';
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node';
import { connect as connectRabbit } from 'amqplib';
import type { TotpCloudEvent } from 'nestjs-totp';

export const RABBITMQ_URL = process.env.TOTP_TEST_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';
export const NATS_URL = process.env.TOTP_TEST_NATS_URL ?? 'nats://127.0.0.1:4222';

/** `describe` for tests that need both brokers: skipped where one is missing, unless everything must be there. */
export const describeWithBrokers = (await areThere()) ? describe : describe.skip;

async function areThere(): Promise<boolean> {
  try {
    await (await connectRabbit(RABBITMQ_URL)).close();
    await (await connectNats({ servers: NATS_URL, timeout: 5_000 })).close();
    return true;
  } catch (error) {
    const why =
      'no RabbitMQ or no NATS. Start them on 127.0.0.1, or set TOTP_TEST_RABBITMQ_URL=amqp://user:password@host:port and ' +
      'TOTP_TEST_NATS_URL=nats://host:port.';
    if (process.env.TOTP_TEST_REQUIRE_ALL === '1') throw new Error(why, { cause: error });
    console.warn(`Tests skipped: ${why}`);
    return false;
  }
}

/** What processes of a test need to know to send events here. */
export interface Address {
  /** The `source` of the events of one test: brokers are shared. */
  readonly source: string;
  readonly queue: string;
  readonly rabbitmq: string;
  readonly nats: string;
}

export function newAddress(): Address {
  const source = `/test/${randomUUID()}`;
  return { source, queue: `totp-test-${randomUUID()}`, rabbitmq: RABBITMQ_URL, nats: NATS_URL };
}

/** A subscriber of a broker. */
export interface Subscriber {
  readonly name: 'RabbitMQ' | 'NATS';
  close(): Promise<void>;
}

type Arrived = (event: TotpCloudEvent) => void;

/** Reads the queue of an address; removes it in the end. */
export async function subscribeToRabbit({ queue, rabbitmq }: Address, arrived: Arrived): Promise<Subscriber> {
  const connection = await connectRabbit(rabbitmq);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: true });
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      const { data } = JSON.parse(message.content.toString()) as { data: TotpCloudEvent };
      arrived(data);
    },
    { noAck: true },
  );
  return {
    name: 'RabbitMQ',
    close: async () => {
      await channel.deleteQueue(queue);
      await connection.close();
    },
  };
}

/** Hears all events of an address' source. */
export async function subscribeToNats({ source, nats }: Address, arrived: Arrived): Promise<Subscriber> {
  const connection: NatsConnection = await connectNats({ servers: nats });
  connection.subscribe('totp.>', {
    callback: (error, message) => {
      if (error) throw error;
      const { data } = message.json<{ data: TotpCloudEvent }>();
      if (data.source === source) arrived(data);
    },
  });
  await connection.flush();
  return { name: 'NATS', close: () => connection.close() };
}

/** Where the example and its subscriber meet: `EXAMPLE_BROKER=nats://…`, or `amqp://…` for RabbitMQ. */
import { connect } from 'node:net';
import { type NatsOptions, type RmqOptions, Transport } from '@nestjs/microservices';

export function brokerOptions(url: string): NatsOptions | RmqOptions {
  if (url.startsWith('nats:')) return { transport: Transport.NATS, options: { servers: [url] } };
  // Here events wait for a subscriber that is away, over a restart of the broker too.
  const queue = { queue: 'keepsake', queueOptions: { durable: true }, persistent: true };
  return { transport: Transport.RMQ, options: { urls: [url], ...queue } };
}

/** A sentence when nothing answers at the broker's address; undefined when something does. */
export function brokerProblem(url: string): Promise<string | undefined> {
  const { hostname, port, protocol, host } = new URL(url);
  const socket = connect({
    host: hostname,
    port: Number(port) || (protocol === 'nats:' ? 4222 : 5672),
    timeout: 5_000,
  });
  return new Promise<string | undefined>((resolve) => {
    const away = () => {
      resolve(`The broker at ${host} cannot be reached. Start it, or change EXAMPLE_BROKER.`);
    };
    socket.once('connect', () => {
      resolve(undefined);
    });
    socket.once('error', away);
    socket.once('timeout', away);
  }).finally(() => socket.destroy());
}

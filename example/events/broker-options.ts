/** Where the example and its subscriber meet: `EXAMPLE_BROKER=nats://…`, or `amqp://…` for RabbitMQ. */
import { type NatsOptions, type RmqOptions, Transport } from '@nestjs/microservices';

export function brokerOptions(url: string): NatsOptions | RmqOptions {
  if (url.startsWith('nats:')) return { transport: Transport.NATS, options: { servers: [url] } };
  // Here events wait for a subscriber that is away, over a restart of the broker too.
  const queue = { queue: 'keepsake', queueOptions: { durable: true }, persistent: true };
  return { transport: Transport.RMQ, options: { urls: [url], ...queue } };
}

/** Events over a real RabbitMQ and a real NATS: what "delivered" means, and what becomes of them while a broker is away. */
import { randomUUID } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { Controller, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ClientProxy, ClientProxyFactory, ClientsModule, MessagePattern, Transport } from '@nestjs/microservices';
import {
  ClientProxyTotpEventDestination,
  type TotpCloudEvent,
  type TotpMessageClient,
  TotpOutboxRelay,
} from 'nestjs-totp';
import { Observable, of, throwError } from 'rxjs';
import { DataSource } from 'typeorm';
import { toEvent } from '../../src/events/catalogue.js';
import { startApplication } from '../support/application.js';
import { Person } from '../support/client.js';
import { databases } from '../support/databases.js';
import { endRetryWaits } from '../support/outbox.js';
import {
  type Address,
  describeWithBrokers,
  newAddress,
  NATS_URL,
  RABBITMQ_URL,
  subscribeToNats,
  subscribeToRabbit,
} from './brokers.js';
import { Line } from './line.js';

class Destination extends ClientProxyTotpEventDestination {
  readonly name = 'broker';
}

const newEvent = () =>
  toEvent(
    { name: 'totp.user.locked', until: null, lockNumber: 3, failures: 100 },
    { occurredAt: 1_800_000_000_000, userId: 'ann ä📱', tenantId: 'public' },
  );

/** A destination on the client that Nest makes, at this address. */
const transports = [
  {
    name: 'RabbitMQ',
    url: RABBITMQ_URL,
    subscribe: subscribeToRabbit,
    client: (url: string, queue: string) =>
      ClientProxyFactory.create({
        transport: Transport.RMQ,
        options: { urls: [url], queue, queueOptions: { durable: true }, persistent: true },
      }),
  },
  {
    name: 'NATS',
    url: NATS_URL,
    subscribe: subscribeToNats,
    client: (url: string) => ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [url] } }),
  },
];

describeWithBrokers.each(transports)('a destination on $name', ({ url, subscribe, client: connect }) => {
  let line: Line;
  let address: Address;
  let client: ClientProxy;
  let arrived: TotpCloudEvent[];
  let subscriber: { close(): Promise<void> };
  let destination: Destination;

  beforeAll(async () => {
    line = await Line.to(url);
    address = newAddress();
    arrived = [];
    subscriber = await subscribe(address, (event) => arrived.push(event));
    client = connect(line.url, address.queue);
    await client.connect();
    destination = new Destination(client, address);
  });
  afterAll(async () => {
    await client.close();
    await subscriber.close();
    await line.close();
  });

  const arrival = async (id: string) => {
    while (!arrived.some((event) => event.id === id)) await pause(10);
  };

  it('brings each event as a CloudEvent under its name', async () => {
    const event = newEvent();
    await destination.deliver(event);
    await arrival(event.id);
    expect(arrived).toEqual([
      expect.objectContaining({
        specversion: '1.0',
        id: event.id,
        type: 'totp.user.locked',
        source: address.source,
        subject: 'ann ä📱',
        data: JSON.parse(JSON.stringify(event)) as object,
      }),
    ]);
  });

  it('has not delivered what the broker has not got', async () => {
    const event = newEvent();
    line.hold();
    let isDelivered = false;
    const delivered = destination.deliver(event).then(() => (isDelivered = true));
    // Many times as long as a broker takes to answer.
    const other = newAddress();
    const neighbour = await subscribe(other, () => undefined);
    await neighbour.close();
    expect(isDelivered).toBe(false);
    expect(arrived.some(({ id }) => id === event.id)).toBe(false);
    line.letGo();
    await delivered;
    await arrival(event.id);
  });
});

describeWithBrokers('a destination that waits for a reply', () => {
  it('has delivered what JetStream has stored', async () => {
    const connection = await connectNats({ servers: NATS_URL });
    const manager = await jetstreamManager(connection);
    const name = `totp-test-${randomUUID()}`;
    await manager.streams.add({ name, subjects: ['totp.user.locked'], max_msgs: 1_000 });
    const client = ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [NATS_URL] } });
    try {
      const { source } = newAddress();
      const event = newEvent();
      await new Destination(client, { source, reply: true }).deliver(event);
      const { state } = await manager.streams.info(name);
      expect(state.messages).toBeGreaterThanOrEqual(1);
      const stored = await manager.streams.getMessage(name, { last_by_subj: 'totp.user.locked' });
      expect(stored?.json()).toMatchObject({ pattern: 'totp.user.locked', data: { source, id: event.id } });
    } finally {
      await manager.streams.delete(name);
      await client.close();
      await connection.close();
    }
  });

  const answering = (answer: TotpMessageClient['send']): TotpMessageClient => ({
    send: answer,
    emit: () => throwError(() => new Error('emit is for those who wait for no reply')),
  });

  it('has not delivered what was answered with an error', async () => {
    const refusing = [
      answering(() => of({ error: { code: 503, description: 'insufficient resources' } })),
      answering(() => throwError(() => new Error('insufficient resources'))),
    ];
    for (const client of refusing) {
      await expect(new Destination(client, { reply: true }).deliver(newEvent())).rejects.toThrow(
        'insufficient resources',
      );
    }
  });

  it.each([[undefined], [null], ['done'], [{ stream: 'TOTP', seq: 1 }], [{ error: null }]])(
    'has delivered what was answered with %j',
    async (answer) => {
      const client = answering(() => of(answer));
      await expect(new Destination(client, { reply: true }).deliver(newEvent())).resolves.toBeUndefined();
    },
  );
});

@Controller()
class Quiet {
  @MessagePattern('totp.user.locked')
  async handle(): Promise<void> {
    await Promise.resolve();
  }
}

@Module({ controllers: [Quiet] })
class QuietService {}

it('has delivered what a service has handled that has nothing to say', async () => {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const service = await NestFactory.createMicroservice(QuietService, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0 },
    logger: false,
  });
  await service.listen();
  const { port } = service.unwrap<Server>().address() as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  try {
    await expect(new Destination(client, { reply: true }).deliver(newEvent())).resolves.toBeUndefined();
  } finally {
    await client.close();
    await service.close();
  }
});

it('forgets who waited for a reply in vain', async () => {
  let waiting = 0;
  const client: TotpMessageClient = {
    send: () =>
      new Observable(() => {
        waiting++;
        return () => waiting--;
      }),
    emit: () => throwError(() => new Error('a reply is waited for')),
  };
  const tooLong = new AbortController();
  const delivered = new Destination(client, { reply: true }).deliver(newEvent(), tooLong.signal);
  while (waiting === 0) await new Promise(setImmediate);
  tooLong.abort();
  await expect(delivered).rejects.toThrow('aborted');
  expect(waiting).toBe(0);
});

it('sends what a transport wants to be sent, such as the key of a partition', async () => {
  class Kafka extends ClientProxyTotpEventDestination {
    readonly name = 'kafka';

    protected override message(event: TotpCloudEvent): unknown {
      return { key: event.subject, value: event };
    }
  }
  const sent: unknown[] = [];
  const client: TotpMessageClient = {
    emit: (pattern, data) => of(sent.push([pattern, data])),
    send: () => throwError(() => new Error('no reply is waited for')),
  };
  const event = newEvent();
  await new Kafka(client).deliver(event);
  expect(sent).toEqual([
    ['totp.user.locked', { key: 'ann ä📱', value: expect.objectContaining({ id: event.id, source: '/nestjs-totp' }) }],
  ]);
});

@Injectable()
class Broker extends ClientProxyTotpEventDestination {
  readonly name = 'broker';
  static source = '';

  constructor(@Inject('BROKER') client: ClientProxy) {
    super(client, { source: Broker.source });
  }
}

describeWithBrokers.each(databases)('while RabbitMQ is away, on $name', ({ open }) => {
  it('sign-in goes on, and everything arrives afterwards, in order', async () => {
    const database = await open();
    const line = await Line.to(RABBITMQ_URL);
    const address = newAddress();
    Broker.source = address.source;
    const arrived: TotpCloudEvent[] = [];
    const subscriber = await subscribeToRabbit(address, (event) => arrived.push(event));
    const options = {
      urls: [line.url],
      queue: address.queue,
      queueOptions: { durable: true },
      persistent: true,
      socketOptions: { reconnectTimeInSeconds: 1 },
    };
    const application = await startApplication({
      database,
      options: {
        // However many tries it takes on a busy machine, nothing is given up on.
        events: { outbox: true, pollInterval: 0.1, deliveryTimeout: 1, maxAttempts: 1_000 },
        imports: [ClientsModule.register([{ name: 'BROKER', transport: Transport.RMQ, options }])],
        eventDestinations: [Broker],
      },
    });
    const relay = application.app.get(TotpOutboxRelay);
    const waiting = async () => {
      const rows: unknown[] = await application.app.get(DataSource).query('SELECT id FROM totp_outbox');
      return rows.length;
    };
    const untilNoneWaits = async () => {
      while ((await waiting()) > 0) {
        await pause(50);
        await endRetryWaits(application.app);
        await relay.runOnce();
      }
    };
    try {
      const person = new Person(application);
      const phone = await person.enrol('phone');
      await untilNoneWaits();
      line.cut();
      expect((await person.signIn(phone.code(1))).body).toEqual({ status: 'OK' });
      await person.spendBudget();
      await relay.runOnce();
      application.clock.advance(1_000);
      expect((await person.signIn(phone.code())).body).toEqual({ status: 'OK' });
      await relay.runOnce();
      expect(await waiting()).toBe(2);

      line.mend();
      await untilNoneWaits();
      const names = ['totp.device.created', 'totp.device.verified', 'totp.user.locked', 'totp.user.unlocked'];
      while (new Set(arrived.map(({ id }) => id)).size < names.length) await pause(10);
      expect([...new Set(arrived.map(({ type }) => type))]).toEqual(names);
    } finally {
      await application.close();
      await subscriber.close();
      await line.close();
      await database.drop();
    }
  });
});

/** Another service, which prints the example's events as they come over the broker: `npm run example:subscriber`. */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { TOTP_EVENT_NAMES, type TotpCloudEvent } from 'nestjs-totp';
import { brokerOptions, brokerProblem } from './events/broker-options.js';
import { describeEvent } from './events/event-entry.js';
import { unmarked } from './events/names.js';

@Controller()
class Printer {
  @EventPattern(TOTP_EVENT_NAMES)
  print(@Payload() { data }: TotpCloudEvent): void {
    const { at, name, text } = describeEvent(data);
    console.log(`${at}  ${name}  user ${data.userId}  ${unmarked(text)}`);
  }
}

@Module({ controllers: [Printer] })
class SubscriberModule {}

const broker = process.env.EXAMPLE_BROKER;
const problem = broker
  ? await brokerProblem(broker)
  : 'EXAMPLE_BROKER is missing. Write EXAMPLE_BROKER=nats://127.0.0.1:4222 npm run example:subscriber';
if (!broker || problem !== undefined) {
  console.error(problem);
  process.exitCode = 1;
} else {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const subscriber = await NestFactory.createMicroservice(SubscriberModule, {
    ...brokerOptions(broker),
    logger: ['fatal', 'error', 'warn'],
  });
  subscriber.enableShutdownHooks();
  await subscriber.listen();
  console.log('Events are printed as they arrive.');
}

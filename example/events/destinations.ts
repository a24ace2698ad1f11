/** Where events go from the outbox: to the pages' list, and to a message broker when there is one. */
import { Inject, Injectable } from '@nestjs/common';
import { type ClientProxy, ClientsModule } from '@nestjs/microservices';
import { ClientProxyTotpEventDestination, HandlerTotpEventDestination } from 'nestjs-totp';
import { brokerOptions } from './broker-options.js';

const BROKER = Symbol('client of the broker');

@Injectable()
class Broker extends ClientProxyTotpEventDestination {
  readonly name = 'broker';

  constructor(@Inject(BROKER) client: ClientProxy) {
    super(client, { source: '/keepsake' });
  }
}

const url = process.env.EXAMPLE_BROKER;

export const eventDestinations = url ? [HandlerTotpEventDestination, Broker] : [HandlerTotpEventDestination];

/** The modules that the destinations need. */
export const brokerClients = url ? [ClientsModule.register([{ name: BROKER, ...brokerOptions(url) }])] : [];

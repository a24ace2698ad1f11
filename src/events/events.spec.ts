import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { happenings } from '../../test/support/happenings.js';
import { toEvent, TotpEvent } from './catalogue.js';
import { EmitterTotpEventPublisher } from './publisher.js';

const origin = { occurredAt: 7, userId: 'ann', tenantId: 'public', sessionHandle: 'session' };

describe('an event', () => {
  it.each(happenings)('$name has its own fields, and those that every event has', (happening) => {
    const event = toEvent(happening, origin);
    expect(event).toBeInstanceOf(TotpEvent);
    expect(event).toEqual({
      ...happening,
      ...origin,
      version: 1,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    });
  });

  it.each(happenings)('$name is of a class of its own, named after it', (happening) => {
    const words = happening.name.split(/[.-]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
    expect(toEvent(happening, origin).constructor.name).toBe(`${words.join('')}Event`);
  });

  it('has an id of its own', () => {
    const ids = happenings.flatMap((happening) => [toEvent(happening, origin).id, toEvent(happening, origin).id]);
    expect(new Set(ids).size).toBe(2 * happenings.length);
  });
});

describe('publishing', () => {
  const events = happenings.map((happening) => toEvent(happening, origin));

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('emits each event under its name, in order', () => {
    const emitter = new EventEmitter2();
    const heard: unknown[] = [];
    for (const name of new Set(events.map((event) => event.name))) emitter.on(name, (event) => heard.push(event));
    new EmitterTotpEventPublisher(emitter).publish(events);
    expect(heard).toEqual(events);
  });

  const listeners: [string, () => unknown, number][] = [
    [
      'throws',
      () => {
        throw new Error('listener');
      },
      1,
    ],
    ['rejects', () => Promise.reject(new Error('listener')), 1],
    ['never answers', () => new Promise(() => undefined), 0],
  ];

  it.each(listeners)('goes on when a listener %s, and logs what it threw', async (_, listener, faults) => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    const emitter = new EventEmitter2();
    const heard: unknown[] = [];
    emitter.on('totp.device.created', listener);
    emitter.on('totp.device.verified', (event) => heard.push(event));
    new EmitterTotpEventPublisher(emitter).publish(events);
    expect(heard).toHaveLength(1);
    await new Promise(setImmediate);
    const message = ['A listener of totp.device.created failed', expect.stringContaining('listener')];
    expect(logged.mock.calls).toEqual(Array(faults).fill(message));
  });
});

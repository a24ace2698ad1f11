/** What operators do with the outbox: dead letters by filter and page, and events of destinations that are gone. */
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  type DeadLetterFilter,
  TotpArgumentError,
  TotpConfigurationError,
  TotpOutboxAdmin,
  TotpUndeliverableEventError,
} from 'nestjs-totp';
import { useTables } from '../storage/tables.js';
import { databases } from '../support/databases.js';
import { named, OutboxHarness, RecordingDestination } from './outbox-harness.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(databases)('the administration of the outbox on $name', ({ open }) => {
  const tables = useTables(open);
  let harness: OutboxHarness;
  let mail: RecordingDestination;
  let post: RecordingDestination;
  let warnings: jest.SpiedFunction<Logger['warn']>;

  beforeAll(() => OutboxHarness.createDatabaseClock(tables().dataSource));
  beforeEach(() => {
    harness = new OutboxHarness(tables(), ['mail', 'post']);
    mail = new RecordingDestination('mail');
    post = new RecordingDestination('post');
    jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  });
  afterEach(async () => {
    await harness.close();
    await tables().dataSource.query('DELETE FROM totp_outbox');
    await tables().dataSource.query('DELETE FROM totp_outbox_leases');
  });

  const adminOf = (...names: readonly string[]) =>
    new TotpOutboxAdmin({ queue: harness.outbox, destinations: () => names });
  const refuse = () => Promise.reject(new TotpUndeliverableEventError('never'));
  const deadIn = async (admin: TotpOutboxAdmin, filter: DeadLetterFilter = {}) => {
    const { deadLetters } = await admin.deadLetters(filter);
    return deadLetters.map(({ destination, event }) => `${destination} ${event?.userId ?? ''}`).toSorted();
  };

  describe('with dead letters of two users and two destinations', () => {
    let admin: TotpOutboxAdmin;

    beforeEach(async () => {
      admin = adminOf('mail', 'post');
      mail.meet = refuse;
      post.meet = refuse;
      await harness.rename('ann', 'a');
      await harness.rename('bob', 'b');
      await harness.relay(mail, post).runOnce();
    });

    it('they are listed by destination, by user and by both', async () => {
      expect(await deadIn(admin)).toEqual(['mail ann', 'mail bob', 'post ann', 'post bob']);
      expect(await deadIn(admin, { destination: 'mail' })).toEqual(['mail ann', 'mail bob']);
      expect(await deadIn(admin, { userId: 'ann' })).toEqual(['mail ann', 'post ann']);
      expect(await deadIn(admin, { destination: 'post', userId: 'bob' })).toEqual(['post bob']);
      expect(await deadIn(admin, { destination: 'mai' })).toEqual([]);
    });

    it('those of a destination are requeued alone', async () => {
      mail.meet = () => Promise.resolve();
      expect(await admin.requeue({ destination: 'mail' })).toBe(2);
      await harness.relay(mail, post).runOnce();
      expect(named(mail.taken).toSorted()).toEqual(['a', 'b']);
      expect(await deadIn(admin)).toEqual(['post ann', 'post bob']);
    });

    it('those of a user are purged alone, and never delivered', async () => {
      expect(await admin.purge({ userId: 'ann' })).toBe(2);
      expect(await deadIn(admin)).toEqual(['mail bob', 'post bob']);
      expect(await admin.purge('all')).toBe(2);
      expect(await admin.requeue()).toBe(0);
    });

    it('purging leaves events alone that still wait', async () => {
      mail.meet = () => Promise.reject(new Error('down'));
      await harness.rename('ann', 'c');
      await harness.relay(mail).runOnce();
      expect(await admin.purge({ userId: 'ann' })).toBe(2);
      const [backlog] = await harness.outbox.backlog();
      expect(backlog).toMatchObject({ destination: 'mail', waiting: 1, deadLettered: 1 });
    });
  });

  it('dead letters are listed page by page, oldest first, and none twice', async () => {
    mail.meet = refuse;
    for (let n = 0; n < 7; n++) {
      // Some at the same time, so that only their ids tell them apart.
      if (n % 3 === 0) harness.clock.advance(1);
      await harness.rename(`user ${String(n)}`, String(n));
    }
    await harness.relay(mail).runOnce();
    const admin = adminOf('mail', 'post');
    const pages: string[][] = [];
    let paginationToken: string | undefined;
    do {
      const page = await admin.deadLetters({ limit: 3, ...(paginationToken === undefined ? {} : { paginationToken }) });
      pages.push(page.deadLetters.map(({ event }) => named(event === undefined ? [] : [event])[0] ?? ''));
      paginationToken = page.nextPaginationToken;
    } while (paginationToken !== undefined);
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(pages.map((page) => page.toSorted())).toEqual([['0', '1', '2'], ['3', '4', '5'], ['6']]);
  });

  describe('when a destination was renamed', () => {
    beforeEach(async () => {
      await harness.rename('ann', 'a', 'b');
      await harness.rename('bob', 'c');
    });

    it('a warning names it at start-up, and says what to do', async () => {
      const admin = adminOf('post');
      admin.onApplicationBootstrap();
      await admin.beforeApplicationShutdown();
      expect(warnings.mock.calls).toEqual([
        [
          `The outbox has events for "mail", which is not among the eventDestinations: this process does not deliver them. If it was renamed, ` +
            "call TotpOutboxAdmin.moveDestination('mail', …); if it was removed, dropDestination('mail').",
        ],
      ]);
      expect(await adminOf('post').unknownDestinations()).toEqual(['mail']);
    });

    it('no warning is logged while all destinations are known', async () => {
      const admin = adminOf('mail', 'post');
      admin.onApplicationBootstrap();
      await admin.beforeApplicationShutdown();
      expect(warnings).not.toHaveBeenCalled();
    });

    it('its events are delivered to the new one, in the order of each user', async () => {
      const letters = new RecordingDestination('letters');
      expect(await adminOf('letters', 'post').moveDestination('mail', 'letters')).toBe(3);
      harness = new OutboxHarness(tables(), ['letters', 'post']);
      await harness.rename('ann', 'd');
      await harness.relay(letters).runOnce();
      expect(named(letters.taken, 'ann')).toEqual(['a', 'b', 'd']);
      expect(named(letters.taken, 'bob')).toEqual(['c']);
      expect(await adminOf('letters', 'post').unknownDestinations()).toEqual([]);
    });

    it('events that the other destination has already are not delivered to it twice', async () => {
      expect(await adminOf('post').moveDestination('mail', 'post')).toBe(0);
      await harness.relay(post).runOnce();
      expect(named(post.taken, 'ann')).toEqual(['a', 'b']);
      expect(named(post.taken, 'bob')).toEqual(['c']);
      expect(await harness.outbox.storedDestinations()).toEqual([]);
    });

    it('its events are dropped, dead letters too, and those of others stay', async () => {
      mail.meet = ({ userId }) => (userId === 'ann' ? refuse() : Promise.reject(new Error('down')));
      await harness.relay(mail).runOnce();
      expect(await adminOf('post').dropDestination('mail')).toBe(3);
      expect(await harness.outbox.storedDestinations()).toEqual(['post']);
      await harness.relay(post).runOnce();
      expect(post.taken).toHaveLength(3);
    });
  });
});

describe('arguments of the administration', () => {
  const admin = new TotpOutboxAdmin({
    queue: Object.create(null),
    destinations: () => ['mail'],
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['a limit of 0', () => admin.deadLetters({ limit: 0 }), /limit must be a whole number from 1 to 1,000/],
    ['a limit of 1,001', () => admin.deadLetters({ limit: 1_001 }), /limit must be/],
    ['a made-up token', () => admin.deadLetters({ paginationToken: 'x' }), /not one that deadLetters returned/],
    ['a purge of nothing in particular', () => admin.purge({}), /To delete all dead letters, write 'all'/],
    [
      'a filter that does not exist',
      () => admin.purge(Object.assign({ userId: 'ann' }, { tenantId: 'acme' })),
      /no filter "tenantId"/,
    ],
    ['an empty user id', () => admin.requeue({ userId: '' }), /userId must be a non-empty string/],
    ['too many ids', () => admin.requeue({ ids: Array<string>(1_001).fill('id') }), /more than 1,000/],
    ['dropping a destination in use', () => admin.dropDestination('mail'), /Remove it from eventDestinations first/],
    ['moving a destination in use', () => admin.moveDestination('mail', 'post'), /Remove it from eventDestinations/],
    ['moving to an unknown destination', () => admin.moveDestination('a', 'b'), /"b" is not .* which has: mail/],
  ])('%s is refused', async (_, call, message) => {
    await expect(call()).rejects.toThrow(TotpArgumentError);
    await expect(call()).rejects.toThrow(message);
  });

  it('without the outbox of the module, the error says what to write', async () => {
    await expect(new TotpOutboxAdmin(undefined).deadLetters()).rejects.toThrow(TotpConfigurationError);
    await expect(new TotpOutboxAdmin(undefined).requeue()).rejects.toThrow(/events: { outbox: true }/);
  });
});

/** `nestjs-totp-cli outbox` against a real database: what it prints, what it leaves behind, and how it ends. */
import { TotpUndeliverableEventError } from 'nestjs-totp';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { named, OutboxHarness, RecordingDestination } from '../events/outbox-harness.js';
import { useTables } from '../storage/tables.js';
import { databases } from '../support/databases.js';
import { DATA_SOURCE, type Ended, runCommand } from './command-line.js';

// The functions behind the commands are tested on all databases.
describe.each(databases.slice(0, 1))('on $name', ({ open }) => {
  const tables = useTables(open);
  let harness: OutboxHarness;
  let mail: RecordingDestination;

  const run = (command: readonly string[], ...options: readonly string[]): Promise<Ended> =>
    runCommand(['outbox', ...command, '-d', DATA_SOURCE, ...options], tables().database);
  beforeAll(() => OutboxHarness.createDatabaseClock(tables().dataSource));
  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    harness = new OutboxHarness(tables(), ['mail']);
    mail = new RecordingDestination('mail');
    mail.meet = () => Promise.reject(new TotpUndeliverableEventError('no such\u001b[31m mailbox'));
    await harness.rename('ann', 'a');
    harness.clock.advance(1);
    await harness.rename('bob', 'b');
    await harness.relay(mail).runOnce();
    mail.meet = () => Promise.resolve();
  });
  afterEach(async () => {
    await tables().dataSource.query('DELETE FROM totp_outbox');
    jest.restoreAllMocks();
  });

  it('dead letters are listed, and nothing in them controls the terminal', async () => {
    const { code, out, errors } = await run([]);
    expect([code, errors]).toEqual([0, '']);
    const [headings, first, second] = out.split('\n');
    expect(headings).toMatch(/^id +event +user +time +attempts +last failure$/);
    expect(first).toMatch(/^[0-9a-f-]{36}:mail +totp\.device\.renamed +ann .* 1 +no such\\u001b\[31m mailbox$/);
    expect(second).toMatch(/ bob /);
  });

  it('dead letters are listed page by page, as JSON too', async () => {
    const { out } = await run(['dead-letters'], '--limit', '1');
    const token = /^There are more: --after (\S+)$/m.exec(out)?.[1] ?? '';
    const next = await run(['dead-letters'], '--limit', '1', '--after', token, '--json');
    expect(JSON.parse(next.out)).toEqual({
      deadLetters: [
        expect.objectContaining({ destination: 'mail', event: expect.objectContaining({ userId: 'bob' }) }),
      ],
    });
  });

  it('those of a user are delivered again, and the others deleted', async () => {
    expect((await run(['requeue'], '--user', 'ann')).out).toBe('1 event will be delivered again.\n');
    expect((await run(['purge'], '--destination', 'mail')).out).toBe('1 event deleted.\n');
    expect((await run([])).out).toBe('There are no dead letters.\n');
    await harness.relay(mail).runOnce();
    expect(named(mail.taken)).toEqual(['a']);
  });

  it('purge deletes nothing before it is told what', async () => {
    const { code, errors } = await run(['purge']);
    expect(code).toBe(2);
    expect(errors).toBe('error: Write --id, --destination or --user, or --all to delete every dead letter.\n');
    expect((await run(['purge'], '--all')).out).toBe('2 events deleted.\n');
  });

  it('the events of a renamed destination are moved, and those of a removed one deleted', async () => {
    await run(['requeue']);
    expect((await run(['destinations'])).out).toBe('mail\n');
    expect((await run(['move', 'mail', 'post'])).out).toBe('2 events moved from mail to post.\n');
    const post = new RecordingDestination('post');
    await harness.relay(post).runOnce();
    expect(named(post.taken).toSorted()).toEqual(['a', 'b']);
    await harness.rename('ann', 'c');
    expect((await run(['drop', 'mail'])).out).toBe('1 event of mail deleted.\n');
    expect((await run(['destinations'])).out).toBe('The outbox is empty.\n');
  });

  it.each<[string, string[], RegExp]>([
    ['a name that no destination can have', ['move', 'mail', 'Post'], /"Post" cannot be the name of a destination/],
    ['a limit of none', ['dead-letters', '--limit', 'x'], /limit must be a whole number from 1 to 1,000/],
    ['a made-up token', ['dead-letters', '--after', 'x'], /not one that deadLetters returned/],
  ])('%s is refused', async (_, command, message) => {
    const { code, errors } = await run(command);
    expect(errors).toMatch(message);
    expect(code).not.toBe(0);
  });
});

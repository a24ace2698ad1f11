/** Users who sign in without a pause, with right codes alone, while a test does something to their secrets. */
import { EventEmitter, once } from 'node:events';
import { setImmediate as breathe } from 'node:timers/promises';
import type { TotpAccountStore, TotpSecretCipher, TotpService } from 'nestjs-totp';
import { TestTotpClock, totpCode } from 'nestjs-totp/testing';
import { type Owner, serviceOver } from './keys.js';

/** Seconds from one code of a user to the next: two steps, as a code that is by chance that of the next step too uses up both. */
const PAUSE = 60;

export class SignIns {
  /** How many were answered with each status; a fault counts under its message. */
  readonly answers: Record<string, number> = {};
  count = 0;
  private readonly lastCodes = new Map<string, { readonly totp: string; readonly at: number }>();
  private readonly answered = new EventEmitter();
  private readonly callers: readonly Promise<void>[];
  private readonly passerBy: Caller;
  private isOver = false;

  /** @param callers each signs in users of its own, one after the other, by a clock of its own */
  constructor(
    private readonly store: TotpAccountStore,
    private readonly cipher: TotpSecretCipher,
    owners: readonly Owner[],
    callers = 4,
  ) {
    this.callers = Array.from({ length: callers }, (_, caller) =>
      this.signInAll(owners.filter((_, n) => n % callers === caller)),
    );
    this.passerBy = this.newCaller();
  }

  /** Waits for so many further answers. */
  async more(count: number): Promise<void> {
    const goal = this.count + count;
    while (this.count < goal) await once(this.answered, 'answer');
  }

  /** Signs in one more user, who may be anybody. */
  async once(owner: Owner): Promise<void> {
    this.passerBy.clock.advance(PAUSE);
    await this.signIn(this.passerBy, owner);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.callers);
  }

  /** What the code of each user's last sign-in is answered when it is entered once more, once all is over. */
  async replay(): Promise<Set<string>> {
    const { clock, totp } = this.newCaller();
    const answers = new Set<string>();
    for (const [userId, code] of this.lastCodes) {
      clock.set(code.at);
      answers.add((await totp.verifyTOTP({ userId, totp: code.totp })).status);
    }
    return answers;
  }

  private newCaller(): Caller {
    const clock = new TestTotpClock();
    return { clock, totp: serviceOver(this.store, this.cipher, clock) };
  }

  private async signInAll(owners: readonly Owner[]): Promise<void> {
    const caller = this.newCaller();
    for (let n = 0; !this.isOver; n = (n + 1) % owners.length) {
      const owner = owners[n];
      if (owner === undefined) throw new Error('There are more callers than users.');
      if (n === 0) caller.clock.advance(PAUSE);
      await this.signIn(caller, owner);
      await breathe(); // an SQLite database answers without ever letting the others have their turn
    }
  }

  private async signIn({ clock, totp }: Caller, { userId, secrets }: Owner): Promise<void> {
    const code = { totp: totpCode(secrets[0] ?? '', clock.now()), at: clock.now() };
    const status = await totp.verifyTOTP({ userId, totp: code.totp }).then(
      (answer) => answer.status,
      (fault: unknown) => String(fault),
    );
    this.lastCodes.set(userId, code);
    this.answers[status] = (this.answers[status] ?? 0) + 1;
    this.count++;
    this.answered.emit('answer');
  }
}

interface Caller {
  readonly clock: TestTotpClock;
  readonly totp: TotpService;
}

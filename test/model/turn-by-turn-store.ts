/** A store whose loads and commits wait for their turn, in an order that a test chooses. */
import type { Account, LoadedAccount } from 'nestjs-totp';
import { InMemoryTotpAccountStore } from 'nestjs-totp/testing';

export class TurnByTurnStore extends InMemoryTotpAccountStore {
  private schedule: readonly number[] | undefined;
  /** Of each turn so far: which of the waiting calls had it, and of how many. */
  private turns: { readonly chosen: number; readonly waiting: number }[] = [];
  private waiting: (() => void)[] = [];

  /** From now on, the n-th turn goes to the `schedule[n]`-th of the calls that wait; beyond the schedule, to the first. */
  takeTurns(schedule: readonly number[]): void {
    this.schedule = schedule;
    this.turns = [];
  }

  takeNoTurns(): void {
    this.schedule = undefined;
  }

  /** The schedules that differ from the turns taken in the last choice that the schedule left open. */
  alternatives(): number[][] {
    const open = this.schedule?.length ?? 0;
    return this.turns.flatMap(({ chosen, waiting }, n) => {
      if (n < open) return [];
      const before = this.turns.slice(0, n).map((turn) => turn.chosen);
      return Array.from({ length: waiting - chosen - 1 }, (_, other) => [...before, chosen + 1 + other]);
    });
  }

  override async load(userId: string): Promise<LoadedAccount | null> {
    await this.turn();
    return super.load(userId);
  }

  override async commit(userId: string, revision: string | null, account: Account | 'erased'): Promise<boolean> {
    await this.turn();
    return super.commit(userId, revision, account);
  }

  private turn(): Promise<void> {
    if (this.schedule === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      // All other calls run first; the choice is among those that then wait.
      if (this.waiting.length === 1)
        setImmediate(() => {
          this.giveTurn();
        });
    });
  }

  private giveTurn(): void {
    const chosen = this.schedule?.[this.turns.length] ?? 0;
    this.turns.push({ chosen, waiting: this.waiting.length });
    this.waiting.splice(chosen, 1)[0]?.();
    if (this.waiting.length > 0)
      setImmediate(() => {
        this.giveTurn();
      });
  }
}

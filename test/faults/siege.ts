/** Attacks that go on while servers fail. */
import { randomInt } from 'node:crypto';
import type { Answer, Fleet } from '../processes/fleet.js';
import { Attack, NOW } from './attack.js';

/** One more than are needed to lock. */
const ROUNDS = 6;
const SIZE = 12;
const PATIENCE_MS = 120_000;

export const newAttack = () => new Attack(SIZE);

export const isFault = ({ status }: Answer) => status === 'FAULT';

export class Siege {
  constructor(private readonly fleet: Fleet) {}

  async fire(attack: Attack, onAnswer?: () => void): Promise<readonly Answer[]> {
    const { answers } = await this.fleet.fire(NOW, attack.calls(ROUNDS), onAnswer ? { onAnswer } : {});
    attack.note(answers);
    return answers;
  }

  /** Fires again and again until every call is answered, as it should become by itself. */
  async fireUntilAnswered(attacks: readonly Attack[]): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const answers: Answer[] = [];
      for (const attack of attacks) answers.push(...(await this.fire(attack)));
      if (!answers.some(isFault)) return;
      if (performance.now() > giveUpAt) throw new Error(`Still: ${JSON.stringify(answers.find(isFault))}`);
    }
  }

  /** Fires again and again while a change takes its time, which begins somewhere in the first volley. */
  async fireWhile(attack: Attack, change: () => Promise<void>): Promise<void> {
    const state = { isOver: false };
    let changing: Promise<void> | undefined;
    let answersLeft = randomInt(ROUNDS * SIZE);
    while (!state.isOver) {
      await this.fire(attack, () => {
        if (answersLeft-- !== 0) return;
        changing = change().finally(() => (state.isOver = true));
      });
    }
    await changing;
  }
}

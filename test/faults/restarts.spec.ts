/** The database server goes away under load and comes back, while four processes go on calling (checks W3, L1 and L8). */
import { randomInt } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { TypeOrmTotpAccountStore } from '../../src/storage/typeorm-account-store.js';
import { type Answer, Fleet } from '../processes/fleet.js';
import { connect } from '../storage/tables.js';
import { Attack, NOW } from './attack.js';
import { kindsOfServer, type OwnServer, presentOf } from './own-servers.js';
import type { End } from './server-process.js';

const REPETITIONS = Number(process.env.TOTP_TEST_REPETITIONS ?? 1);
/** One more than are needed to lock. */
const ROUNDS = 6;
const SIZE_OF_ATTACK = 12;
const newAttack = () => new Attack(SIZE_OF_ATTACK);
const PATIENCE_MS = 120_000;

describe.each(presentOf(kindsOfServer))('under four processes, $name', ({ isMissing, open }) => {
  let server: OwnServer;
  let observer: DataSource;
  let store: TypeOrmTotpAccountStore;
  let fleet: Fleet;

  beforeAll(async () => {
    if (isMissing !== undefined) throw new Error(isMissing);
    server = await open();
    observer = await connect(server.database);
    await observer.runMigrations();
    store = new TypeOrmTotpAccountStore(observer);
    fleet = await Fleet.launch(server.database);
  });
  afterAll(async () => {
    await fleet.land();
    await observer.destroy();
    await server.database.drop();
  });

  const isFault = ({ status }: Answer) => status === 'FAULT';

  async function fire(attack: Attack, onAnswer?: () => void): Promise<readonly Answer[]> {
    const { answers } = await fleet.fire(NOW, attack.calls(ROUNDS), onAnswer ? { onAnswer } : {});
    attack.note(answers);
    return answers;
  }

  /** Fires again and again until the answers are as they should become by themselves. */
  async function fireUntil(attacks: readonly Attack[], isSo: (answers: readonly Answer[]) => boolean): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const answers: Answer[] = [];
      for (const attack of attacks) answers.push(...(await fire(attack)));
      if (isSo(answers)) return;
      if (performance.now() > giveUpAt) throw new Error(`Still: ${JSON.stringify(answers.find(isFault))}`);
    }
  }

  /** Fires again and again while a change takes its time, which begins somewhere in the first volley. */
  async function fireWhile(attack: Attack, change: () => Promise<void>): Promise<void> {
    const state = { isOver: false };
    let changing: Promise<void> | undefined;
    let answersLeft = randomInt(ROUNDS * SIZE_OF_ATTACK);
    while (!state.isOver) {
      await fire(attack, () => {
        if (answersLeft-- !== 0) return;
        changing = change().finally(() => (state.isOver = true));
      });
    }
    await changing;
  }

  it.each<End>(['is stopped', 'crashes'])(
    'W3, L1, L8: %s and is started again: every call gets a fault or its one right answer',
    async (end) => {
      for (let repetition = 0; repetition < REPETITIONS; repetition++) {
        const [before, during, outage, after] = [newAttack(), newAttack(), newAttack(), newAttack()];
        const everybody = [before, during, outage, after];
        for (const { enrolments } of everybody) await fleet.fire(NOW, enrolments);
        expect((await fire(before)).filter(isFault)).toEqual([]);

        await fireWhile(during, () => server.end(end));
        for (const attack of [before, during, outage]) {
          expect((await fire(attack)).filter((answer) => !isFault(answer))).toEqual([]);
        }

        const starting = server.start();
        await fireUntil([before, during, outage], (answers) => !answers.some(isFault));
        await starting;
        expect((await fire(after)).filter(isFault)).toEqual([]);
        for (const attack of everybody) await attack.expectOver(store);
      }
    },
    300_000 + 60_000 * REPETITIONS,
  );
});

/** Everything at once over HTTP: half of the requests to an application on Express, half to one on Fastify. */
import { type Answer, Person } from '../support/client.js';
import { databases } from '../support/databases.js';
import { failureCounts, type Status, statuses, useCrowd, type User, WRONG } from './crowd.js';

describe.each(databases)('all at once over HTTP on $name', ({ open }) => {
  const crowd = useCrowd(open);

  /** Requests of one user, each in a session of its own. */
  async function requests(count: number, user: User, request: (person: Person) => Promise<Answer>) {
    const answers = await crowd.atOnce(count, (application) => request(new Person(application, { userId: user.id })));
    return answers.map(({ status, body, headers }) => {
      expect(status).toBe(200);
      return { ...(body as Status), retryAfter: headers.get('retry-after') };
    });
  }

  it('W3: one right code 50 times signs one session in', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await requests(50, user, (person) => person.signIn(user.code()));
      expect(statuses(answers)).toEqual({ OK: 1, INVALID_TOTP_ERROR: 49 });
      expect(crowd.named('totp.code.accepted')).toHaveLength(1);
    });
  });

  it('L1, L2, L5, L7: of 55 wrong codes, each of another session, five are answered as wrong', async () => {
    await crowd.tenTimes(async (user) => {
      const answers = await requests(55, user, (person) => person.signIn(WRONG));
      expect(failureCounts(answers)).toEqual([1, 2, 3, 4, 5]);
      const refused = answers.filter(({ status }) => status === 'LIMIT_REACHED_ERROR');
      expect(refused.map(({ retryAfter }) => retryAfter)).toEqual(Array(50).fill('900'));
      expect(crowd.named('totp.user.locked')).toHaveLength(1);
    });
  });
});

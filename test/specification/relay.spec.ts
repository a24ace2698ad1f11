/** Explores every execution of the model of the relay: each claim holds, and with any safeguard taken away, a claim fails. */
import { defectsOf, describeWithSpin, explore } from './spin.js';

const TIMEOUT = 300_000;

describeWithSpin('in every order of the steps of two processes that deliver', () => {
  it.each([
    ['CRASH', 2_900_000],
    ['FAILURES', 7_900_000],
    ['CRASH_AND_FAILURE', 5_300_000],
  ])(
    "D5: no event is lost, each user's are in order, and none is delivered twice at the same time (%s)",
    async (SCENARIO, least) => {
      const { errors, states } = await explore('outbox', 'all_of_these', { settings: { SCENARIO } });
      expect(errors).toBe(0);
      expect(states).toBeGreaterThan(least);
    },
    TIMEOUT,
  );
});

describeWithSpin('when a process may pause while it delivers', () => {
  const settings = { SCENARIO: 'CRASH', PAUSES: 1 };

  it(
    "D5: no event is lost, and each user's are in order",
    async () => {
      expect((await explore('outbox', 'nothing_lost_and_in_order', { settings })).errors).toBe(0);
    },
    TIMEOUT,
  );

  it(
    'D5: an event may be delivered twice at the same time',
    async () => {
      expect((await explore('outbox', 'not_twice_at_once', { settings, depth: 400 })).errors).toBe(1);
    },
    TIMEOUT,
  );
});

/** Each defect, the scenario that shows it, and the claim that fails. */
const found = [
  ['LEASE_TAKEN_OVER_AT_ONCE', 'CRASH', 'not_twice_at_once'],
  ['LEASE_WITHOUT_CONDITION', 'CRASH', 'not_twice_at_once'],
  ['LEASE_TIMED_FROM_THE_REPLY', 'CRASH', 'not_twice_at_once'],
  ['LEASE_NOT_RENEWED', 'CRASH', 'not_twice_at_once'],
  ['REMOVED_BEFORE_DELIVERY', 'CRASH', 'nothing_is_lost'],
  ['FAILED_ENTRY_SKIPPED', 'FAILURES', 'in_order_per_user'],
  ['RUN_CONTINUES_AFTER_FAILURE', 'FAILURES', 'in_order_per_user'],
  ['DEAD_LETTER_TOO_EARLY', 'FAILURES', 'given_up_after_all_attempts'],
] as const;

describeWithSpin('the model of the relay finds the defect', () => {
  it.each(found)(
    'D5: %s (%s), because of %s',
    async (DEFECT, SCENARIO, claim) => {
      // Found sooner when no execution is followed for long.
      const depth = SCENARIO === 'FAILURES' ? { depth: 400 } : {};
      const { errors } = await explore('outbox', claim, { settings: { DEFECT, SCENARIO }, ...depth });
      expect(errors).toBe(1);
    },
    TIMEOUT,
  );

  it('D5: each that can be made in it', () => {
    expect(found.map(([defect]) => defect).toSorted()).toEqual(defectsOf('outbox').toSorted());
  });
});

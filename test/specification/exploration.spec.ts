/** Explores every execution of the model of calls: each claim holds, and with any safeguard taken away, a claim fails. */
import { defectsOf, describeWithSpin, explore } from './spin.js';

describeWithSpin('in every order of the steps of five concurrent calls', () => {
  it('D5: codes are accepted once, the budget is exact, and each change is made once, with its events and its answer', async () => {
    const { errors, states } = await explore('account', 'all_of_these');
    expect(errors).toBe(0);
    expect(states).toBeGreaterThan(5_800_000);
  });
});

describeWithSpin('however the calls overtake each other', () => {
  it.each(['ONE_CODE', 'TRUST', 'ERASURE'])('D5: each of them ends (%s)', async (SCENARIO) => {
    const { errors } = await explore('account', 'each_call_ends', { settings: { SCENARIO }, isEndless: true });
    expect(errors).toBe(0);
  });
});

/** Each defect, the scenario that shows it, and the claim that fails. */
const found = [
  ['NO_CONDITION', 'ONE_CODE', 'accepted_once'],
  ['NO_CONDITION', 'GUESSING', 'budget_is_kept'],
  ['REVISION_COUNTS_PER_ROW', 'ERASURE', 'decided_on_the_current_account'],
  ['COUNTER_READ_TWICE', 'GUESSING', 'budget_is_kept'],
  ['ANSWER_BEFORE_COMMIT', 'ONE_CODE', 'answers_are_committed'],
  ['CONFLICT_KEEPS_DECISION', 'RECOVERY', 'accepted_once'],
  ['LOST_REPLY_IS_CONFLICT', 'RECOVERY', 'a_call_changes_once'],
  ['EVENTS_STORED_AFTERWARDS', 'ONE_CODE', 'events_are_stored_with_the_change'],
  ['LOCK_CHECKED_AFTERWARDS', 'GUESSING', 'nothing_is_checked_while_locked'],
  ['ONLY_LAST_STEP_IS_USED', 'STEPS', 'accepted_once'],
  ['REMOVAL_FORGETS_USED_STEPS', 'REMOVAL', 'accepted_once'],
  ['LOCK_IS_TOO_SHORT', 'GUESSING', 'budget_is_kept'],
  ['TRUST_OUTLIVES_RECOVERY', 'TRUST', 'trust_ends'],
  ['LOCK_ONE_TOO_EARLY', 'GUESSING', 'budget_is_granted'],
] as const;

describeWithSpin('the model finds the defect', () => {
  it.each(found)('D5: %s (%s), because of %s', async (DEFECT, SCENARIO, claim) => {
    const { errors } = await explore('account', claim, { settings: { DEFECT, SCENARIO } });
    expect(errors).toBe(1);
  });

  it('D5: each that can be made in it', () => {
    expect([...new Set(found.map(([defect]) => defect))].sort()).toEqual(defectsOf('account').sort());
  });
});

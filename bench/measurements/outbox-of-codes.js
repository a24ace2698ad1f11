/** Measures `TotpService.verifyTOTP` compared with the floor where the outbox keeps the events of codes too, and relays them meanwhile. */
import { answerRows } from './checks.js';

export function rows(bench) {
  const options = { events: { outbox: true, codeEvents: true } };
  return answerRows(bench, { name: 'with codes in the outbox', kind: { devices: 1 }, options });
}

/** Measures `TotpService.verifyTOTP` compared with the floor with the outbox, which keeps no events of codes by default. */
import { answerRows } from './checks.js';

export function rows(bench) {
  const options = { events: { outbox: true } };
  return answerRows(bench, { name: 'with the outbox', kind: { devices: 1 }, options });
}

/** Measures `TotpService.verifyTOTP` compared with the floor where secrets are kept in plain text. */
import { answerRows } from './checks.js';

export function rows(bench) {
  const sealed = false;
  return answerRows(bench, { name: '1 device in plain text', kind: { devices: 1, sealed }, options: { sealed } });
}

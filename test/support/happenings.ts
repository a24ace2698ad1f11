/** One of each event that there is (contract §6), and a lock of either kind. */
import type { AccountEvent } from '../../src/accounts/decision.js';

export const happenings: AccountEvent[] = [
  { name: 'totp.device.created', deviceId: 'id', deviceName: 'phone', imported: false, replaced: true },
  { name: 'totp.device.verified', deviceId: 'id', deviceName: 'phone' },
  { name: 'totp.device.renamed', deviceId: 'id', from: 'phone', to: 'tablet' },
  { name: 'totp.device.removed', deviceId: 'id', deviceName: 'phone', wasVerified: true, devicesLeft: 2 },
  { name: 'totp.code.accepted', deviceId: 'id', deviceName: 'phone', stepOffset: -1 },
  { name: 'totp.code.rejected', failures: 3, failuresLeft: 2 },
  { name: 'totp.code.replayed', deviceId: 'id' },
  { name: 'totp.user.locked', until: null, lockNumber: 2, failures: 100 },
  { name: 'totp.user.locked', until: 1_800_000_000_000, lockNumber: 1, failures: 5 },
  { name: 'totp.user.unlocked', reason: 'expired' },
  { name: 'totp.user.suspected', failures: 30 },
  { name: 'totp.user.removed', devicesRemoved: 2 },
  { name: 'totp.recovery-codes.created', count: 8, replaced: true },
  { name: 'totp.recovery-code.used', left: 7 },
  { name: 'totp.recovery-code.rejected' },
  { name: 'totp.temporary-code.created', expiresAt: 1_800_000_000_000 },
  { name: 'totp.temporary-code.used' },
  { name: 'totp.browser.trusted', browserId: 'id', expiresAt: 1_800_000_000_000 },
  { name: 'totp.browser.forgotten', browserIds: ['id'], reason: 'manual' },
];

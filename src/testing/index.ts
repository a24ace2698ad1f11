/** `nestjs-totp/testing`: helpers for an application's own tests. */
export { TotpEventRecorder } from './event-recorder.js';
export { InMemoryTotpAccountStore } from './in-memory-account-store.js';
export { TestTotpClock } from './test-clock.js';
export { totpCode, type TotpCodeSettings } from './totp-code.js';

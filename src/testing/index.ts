/** `nestjs-totp/testing`: what an application's own tests need to drive the module. */
export { TotpEventRecorder } from './event-recorder.js';
export { InMemoryTotpAccountStore } from './in-memory-account-store.js';
export { TestTotpClock } from './test-clock.js';
export { totpCode, type TotpCodeSettings } from './totp-code.js';

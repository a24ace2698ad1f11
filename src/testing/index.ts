/** `nestjs-totp/testing`: helpers for an application's own tests, and the promises that its own providers must keep. */
export { accountStoreContract } from './account-store-contract.js';
export type { ContractTest } from './contract.js';
export { TotpEventRecorder } from './event-recorder.js';
export { InMemoryTotpAccountStore } from './in-memory-account-store.js';
export { outboxContract, type OutboxUnderTest } from './outbox-contract.js';
export { secretCipherContract } from './secret-cipher-contract.js';
export { sessionAdapterContract, type SessionsUnderTest, type SignedIn } from './session-adapter-contract.js';
export { TestTotpClock } from './test-clock.js';
export { totpCode, type TotpCodeSettings } from './totp-code.js';

/** What every contract suite is made of. */

/**
 * One promise of a port, checked on an implementation of it. It uses `node:assert` only, so any test runner can run it.
 *
 * Tests of one suite may run in any order and at the same time: each makes users of its own.
 *
 * @example
 * // node:test
 * for (const { name, run } of accountStoreContract(() => store)) test(name, run);
 * @example
 * // Jest and Vitest
 * it.each(accountStoreContract(() => store))('$name', ({ run }) => run());
 */
export interface ContractTest {
  /** The promise, as the title of a test. */
  readonly name: string;
  /** Rejects when the promise is broken, with an `AssertionError` or with the error of the implementation. */
  readonly run: () => Promise<void>;
}

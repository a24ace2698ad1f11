/** `npm run test:mutation`, second half: every change of the storage must fail a test of its own, on SQLite. */
import rules from './stryker.rules.js';

// The tests of the storage run on the databases that these name, and always on SQLite.
for (const server of ['TOTP_TEST_POSTGRES_URL', 'TOTP_TEST_MYSQL_URL']) delete process.env[server];

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  ...rules,
  // The outbox is tested with the events that go through it, and on servers.
  mutate: ['src/storage/**/*.ts', '!src/**/*.spec.ts'],
  jest: {
    config: {
      ...rules.jest.config,
      testMatch: ['<rootDir>/test/storage/all.ts'],
    },
  },
};

import { LONG_SUITES } from './config/long-suites.js';

const isToldWhatToRun = process.argv.slice(2).some((argument) => !argument.startsWith('-'));

/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/cli/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  testPathIgnorePatterns: isToldWhatToRun ? [] : LONG_SUITES.map((suite) => `<rootDir>/${suite}`),
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  moduleNameMapper: {
    '^nestjs-totp$': '<rootDir>/src/index.ts',
    '^nestjs-totp/testing$': '<rootDir>/src/testing/index.ts',
    '^nestjs-totp-cli$': '<rootDir>/cli/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/cli/dist/', '<rootDir>/example/dist/'],
  setupFilesAfterEnv: ['<rootDir>/test/support/search-suite-log.ts'],
  globalSetup: '<rootDir>/test/support/database-servers.ts',
  globalTeardown: '<rootDir>/test/support/close-database-servers.ts',
  // Nothing here is about speed, and a busy machine may take twenty times as long as a quiet one: this is for what never ends.
  testTimeout: 300_000,
  // One more than the cores of a small machine: many tests wait for a database or a browser.
  maxWorkers: 3,
  coverageProvider: 'v8',
  collectCoverageFrom: ['{src,cli/src}/**/*.ts', '!**/*.spec.ts', '!**/index.ts'],
};

/**
 * `npm run test:mutation`, first half: every change of the rules and of the codes must fail a test of theirs.
 *
 * docs/mutation-testing.md has the results.
 */

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: ['src/{accounts,otp}/*.ts', '!src/**/*.spec.ts'],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules'],
  jest: {
    config: {
      testMatch: ['<rootDir>/src/{accounts,otp}/*.spec.ts'],
      // Many thousand cases each: the plain examples have to do, and are a hundred times as fast.
      testPathIgnorePatterns: ['properties.spec', 'oathtool.spec'],
      // No servers, so that a change costs a second and not ten. null, since undefined is lost between processes.
      globalSetup: null,
      globalTeardown: null,
    },
  },
  coverageAnalysis: 'perTest',
  // A busy machine is no endless loop.
  timeoutMS: 20_000,
  concurrency: 2,
  reporters: ['clear-text', 'progress'],
  // A folder that neither Git nor the linter looks at.
  tempDirName: 'coverage/mutation',
  ignorePatterns: ['coverage', 'dist', 'example', 'bench', 'cli'],
};

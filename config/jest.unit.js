/** `npm run test:unit`: the specs next to the code, which need no build and no server. */
import all from '../jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...all,
  rootDir: '..',
  testMatch: all.testMatch.filter((pattern) => !pattern.includes('/test/')),
  globalSetup: undefined,
  globalTeardown: undefined,
};

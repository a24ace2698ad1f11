/** `npm run test:long`: what `npm test` leaves out. */
import all from '../jest.config.js';
import { LONG_SUITES } from './long-suites.js';

/** @type {import('jest').Config} */
export default {
  ...all,
  rootDir: '..',
  testMatch: undefined,
  testRegex: LONG_SUITES.map((suite) => `/${suite}.*spec\\.ts$`),
  testPathIgnorePatterns: [],
};

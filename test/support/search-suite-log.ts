/** Runs in every spec: fails it when it has logged or printed a secret. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { listenToOutput, takeLeaks } from './suite-log.js';

beforeAll(listenToOutput);
afterAll(() => {
  expect(takeLeaks()).toEqual([]);
});

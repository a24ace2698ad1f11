/**
 * The suites that take long: they start browsers, install packages, kill processes and servers, or repeat something very often.
 * `npm run test:long` runs them. `npm test` leaves them out, unless it is given paths or titles: `npm test -- test/faults`.
 */

export const LONG_SUITES = [
  'test/cli/',
  'test/example/',
  'test/faults/',
  'test/fuzz/',
  'test/http/swagger-ui\\.',
  'test/linearizability/',
  'test/model/interleavings\\.',
  'test/packaging/',
  'test/processes/',
  'test/secrets/large-rotation\\.',
  'test/specification/',
  'test/supertokens/screens/',
];

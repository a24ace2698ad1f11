import { describeWebJs } from './web-js.js';

describe('supertokens-web-js against Express', () => {
  describeWebJs('Express');
});

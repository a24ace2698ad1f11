/** Everything that is measured, by the names that `--only` takes, in the order of the table. */
import { rows as checks } from './checks.js';
import { rows as plain } from './plain.js';
import { rows as outbox } from './outbox.js';
import { rows as outboxOfCodes } from './outbox-of-codes.js';
import { rows as broker } from './broker.js';
import { rows as http } from './http.js';
import { rows as betterAuth } from './better-auth.js';
import { rows as supertokens } from './supertokens.js';
import { rows as population } from './population.js';
import { rows as past } from './past.js';
import { rows as callers } from './callers.js';
import { rows as processes } from './processes.js';
import { rows as attack } from './attack.js';
import { rows as wave } from './wave.js';
import { rows as cluster } from './cluster.js';
import { rows as startUp } from './start-up.js';
import { rows as createDevice } from './create-device.js';

/** Each makes ready what it needs and returns its rows, see `Row` in `support/bench.js`. */
export const MEASUREMENTS = {
  checks,
  plain,
  outbox,
  'outbox-of-codes': outboxOfCodes,
  broker,
  http,
  'better-auth': betterAuth,
  supertokens,
  population,
  past,
  callers,
  processes,
  attack,
  wave,
  cluster,
  'start-up': startUp,
  'create-device': createDevice,
};

/** Those that need servers of their own, and are left out unless `--only` names them. */
export const ON_REQUEST = ['cluster'];

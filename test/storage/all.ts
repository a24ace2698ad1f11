/** Every test of the storage as one file, for mutation testing: what they import is then loaded once per change, not eight times. */
import '../../src/storage/account-row.spec.js';
import './account-store.spec.js';
import './faults.spec.js';
import './migrations.spec.js';
import './session-completions.spec.js';
import './statements.spec.js';
import './store-connection.spec.js';
import './transactions.spec.js';

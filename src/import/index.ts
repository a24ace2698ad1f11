/** The readers of other products' devices, name by name. */
export { readDeviceCsv } from './device-csv.js';
export type { ForeignDevice, ForeignDevices, Refusal } from './foreign-device.js';
export { readGoogleAuthenticatorExport } from './google-authenticator.js';
export { readKeyUris } from './key-uris.js';
export { readSuperTokensDatabase, type SuperTokensDatabaseOptions } from './supertokens-database.js';
export { readSuperTokensDevices } from './supertokens.js';
export { textOf } from './text.js';

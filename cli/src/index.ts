/** The functions behind the commands, for an application that calls them itself. */

export { importForeignDevices, type TotpImportOptions, type TotpImportReport } from './import-devices.js';
export { readDeviceCsv } from './readers/device-csv.js';
export type { ForeignDevice, ForeignDevices, Refusal } from './readers/foreign-device.js';
export { readGoogleAuthenticatorExport } from './readers/google-authenticator.js';
export { readKeyUris } from './readers/key-uris.js';
export { readSuperTokensDatabase, type SuperTokensDatabaseOptions } from './readers/supertokens-database.js';
export { readSuperTokensDevices } from './readers/supertokens.js';

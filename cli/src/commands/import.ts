/** `nestjs-totp-cli import`. */
import type { TotpKeyRotation } from 'nestjs-totp';
import {
  type ForeignDevice,
  type ForeignDevices,
  importForeignDevices,
  readDeviceCsv,
  readGoogleAuthenticatorExport,
  readKeyUris,
  readSuperTokensDatabase,
  readSuperTokensDevices,
  type TotpImportReport,
} from '../index.js';
import { interruption, refuseWrongKeys, type Sources, type Application, withApplication } from './application.js';
import { BadUsage } from './bad-usage.js';
import { openDataSource, readChecked, readText, writeJson } from './files.js';
import { count, print, progressBar } from './terminal.js';
import { readUsers } from './users.js';

export const FORMATS = ['key-uris', 'google-authenticator', 'supertokens', 'supertokens-database', 'csv'] as const;
type Format = (typeof FORMATS)[number];

interface Options extends Sources {
  readonly user?: string;
  readonly users?: string;
  readonly accountsAreUserIds?: boolean;
  readonly issuer?: string;
  readonly from?: string;
  readonly appId: string;
  readonly tablePrefix?: string;
  readonly schema?: string;
  readonly maxDevices: number;
  readonly batchSize: number;
  readonly dryRun?: boolean;
  readonly unprotected?: string;
  readonly json?: boolean;
}

/** How many user ids a report shows. */
const MAX_SHOWN = 10;

export async function importCommand(format: Format, files: readonly string[], options: Options): Promise<void> {
  if ([...files, options.users, options.secrets].filter((file) => file === '-').length > 1)
    throw new BadUsage('Only one file can be read from standard input: write - once.');
  const userIdOf = await ownersFor(format, options);
  const { found, total } = await read(format, files, options);
  const bar = progressBar(options.dryRun === true ? 'Checking' : 'Importing');
  const importAll = async ({ totp, keyRotation }: Application) => {
    await refuseWrongKeys(keyRotation);
    await refuseMissingKeys(keyRotation);
    return importForeignDevices(totp, found, {
      userIdOf,
      batchSize: options.batchSize,
      dryRun: options.dryRun ?? false,
      signal: interruption(bar),
      onProgress: ({ read }) => {
        bar.show(read, total);
      },
    }).finally(() => {
      bar.stop();
    });
  };
  const report = await withApplication(options, importAll, { maxDevices: options.maxDevices });
  if (options.unprotected !== undefined) await writeJson(options.unprotected, report.unprotected);
  print(options.json === true ? JSON.stringify(report, null, 2) : describe(report, options.dryRun ?? false));
  if (report.refused.length > 0) process.exitCode = 1;
  if (report.aborted) process.exitCode = 130;
}

/** With other keys than the application's, users would get devices that it cannot decrypt, or that they already have. */
async function refuseMissingKeys(keys: TotpKeyRotation): Promise<void> {
  const missing = await keys.missingKeys();
  if (missing.length === 0) return;
  throw new BadUsage(
    `--secrets lacks keys of the application: users have secrets under ${missing.map((id) => JSON.stringify(id)).join(', ')}. Add these keys to the file.`,
  );
}

interface Found {
  readonly found: ForeignDevices | AsyncIterable<ForeignDevices>;
  /** How many devices and refusals there are; undefined where nobody knows yet. */
  readonly total: number | undefined;
}

async function read(format: Format, files: readonly string[], options: Options): Promise<Found> {
  const { from, appId, tablePrefix, schema, issuer } = options;
  if (format === 'supertokens-database') {
    if (from === undefined)
      throw new BadUsage('Name the file with the data source of SuperTokens’ database: --from <file>');
    if (files.length > 0) throw new BadUsage(`"${format}" reads no files. Leave out ${files.join(', ')}.`);
    const found = readFromDatabase(from, { appId, ...(tablePrefix && { tablePrefix }), ...(schema && { schema }) });
    return { found, total: undefined };
  }
  const [file, ...others] = files;
  if (file === undefined) throw new BadUsage(`Name the file to read after "${format}", or write - for standard input.`);
  if (format === 'google-authenticator') {
    return counted(ofIssuer(readGoogleAuthenticatorExport(await Promise.all(files.map(readText))), issuer));
  }
  if (others.length > 0) throw new BadUsage(`"${format}" reads one file at a time. Leave out ${others.join(', ')}.`);
  if (format === 'key-uris') return counted(ofIssuer(readKeyUris(await readText(file)), issuer));
  const { pages, total } = await readChecked(file, (input) =>
    format === 'csv' ? readDeviceCsv(input) : readSuperTokensDevices(input, { appId }),
  );
  return { found: pages, total };
}

function counted(found: ForeignDevices): Found {
  return { found, total: found.devices.length + found.refused.length };
}

/** A list may contain accounts of other sites, whose users are not users of this application. */
function ofIssuer(found: ForeignDevices, issuer: string | undefined): ForeignDevices {
  if (issuer === undefined) return found;
  const devices = found.devices.filter((device) => device.issuer === issuer);
  if (devices.length === 0 && found.devices.length > 0)
    throw new BadUsage(`No device has the issuer ${JSON.stringify(issuer)}. Check --issuer: case counts.`);
  return { ...found, devices };
}

async function* readFromDatabase(
  from: string,
  options: Parameters<typeof readSuperTokensDatabase>[1],
): AsyncGenerator<ForeignDevices> {
  const dataSource = await openDataSource(from);
  try {
    yield* readSuperTokensDatabase(dataSource, options);
  } finally {
    await dataSource.destroy();
  }
}

/** Finds the user of a device. Key URIs and Google Authenticator's export contain account labels, not user ids. */
async function ownersFor(
  format: Format,
  { user, users, accountsAreUserIds, issuer }: Options,
): Promise<(device: ForeignDevice) => string | undefined> {
  const given = [user, users, accountsAreUserIds].filter((option) => option !== undefined).length;
  if (format !== 'key-uris' && format !== 'google-authenticator') {
    if (given > 0 || issuer !== undefined)
      throw new BadUsage(
        `"${format}" contains user ids. Leave out --user, --users, --accounts-are-user-ids and --issuer.`,
      );
    return ({ userId }) => userId;
  }
  if (given !== 1) {
    throw new BadUsage(
      `"${format}" contains account labels, not user ids. Write one of --user <id>, --users <file> and --accounts-are-user-ids.`,
    );
  }
  const userOf = users === undefined ? undefined : await readUsers(await readText(users));
  return ({ account }) => {
    if (user !== undefined) return user;
    return userOf === undefined ? account : userOf.get(account ?? '');
  };
}

function describe(
  { read, imported, alreadyThere, refused, unprotected, shared, notes, aborted }: TotpImportReport,
  dryRun: boolean,
): string {
  const summary = [
    `${count(read, 'device')} read`,
    `${count(imported)} ${dryRun ? 'would be imported' : 'imported'}`,
    `${count(alreadyThere)} already there`,
    `${count(refused.length)} refused`,
  ].join(', ');
  return [
    `${summary}.${aborted ? ' Stopped: run it again for the rest.' : ''}`,
    ...refused.map(({ source, reason }) => `  ${source}: ${reason}`),
    ...withoutSecondFactor(unprotected),
    ...shared.map(({ source, reason }) => `  warning: ${source} ${reason}`),
    ...notes.map(({ source, reason }) => `  note: ${source}: ${reason}`),
  ].join('\n');
}

function withoutSecondFactor(users: readonly string[]): string[] {
  if (users.length === 0) return [];
  const shown = users.slice(0, MAX_SHOWN).map((userId) => JSON.stringify(userId));
  const more = users.length > MAX_SHOWN ? [`and ${String(users.length - MAX_SHOWN)} more`] : [];
  return [
    `  warning: ${count(users.length, 'user')} without a second factor, because every device was refused: ${[...shown, ...more].join(', ')}. ` +
      "Under enrolment: 'optional' they sign in without a code: let your TotpEnrolmentPolicy require them to enrol.",
  ];
}

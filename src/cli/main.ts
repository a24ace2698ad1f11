#!/usr/bin/env node
/** `npx nestjs-totp …`: the command line. Each command calls a function of the library that an application can call itself. */
import 'reflect-metadata';
import { inspect } from 'node:util';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { TotpArgumentError, TotpConfigurationError, TotpError } from '../shared/errors.js';
import { BadUsage } from './bad-usage.js';
import { FORMATS, importCommand } from './import.js';
import { generateKey, listKeys } from './keys.js';
import { rotateKeysCommand } from './rotate-keys.js';
import { printError, useStreams } from './terminal.js';

const dataSource = () =>
  new Option(
    '-d, --data-source <file>',
    'the file with your TypeORM data source, as for TypeORM’s own command line',
  ).makeOptionMandatory();
const secrets = () =>
  new Option(
    '-s, --secrets <file>',
    'the keys: a JSON file, or a module whose default export is the option `secrets` or a TotpSecretCipher',
  ).makeOptionMandatory();
const json = () => new Option('--json', 'print the report as JSON');
const dryRun = (what: string) => new Option('--dry-run', what);
const batchSize = (most: number, usual: number) =>
  new Option('--batch-size <count>', `how many at a time, 1–${String(most)}`).default(usual).argParser((text) => {
    const size = Number(text);
    if (Number.isInteger(size) && size >= 1 && size <= most) return size;
    throw new InvalidArgumentError(`Write a whole number from 1 to ${String(most)}.`);
  });

const program = new Command('nestjs-totp')
  .description('Keys and imports of nestjs-totp. Run a command with --help for its options.')
  .showHelpAfterError('(--help tells the options)')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

const keys = program.command('keys').description('the keys that secrets are sealed with');
keys
  .command('list', { isDefault: true })
  .description('how many users have secrets under each key')
  .addOption(dataSource())
  .addOption(secrets())
  .addOption(json())
  .action(listKeys);
keys.command('generate').description('makes a key: 32 random bytes in Base64').action(generateKey);
program
  .command('rotate-keys')
  .description('seals all secrets anew with the current key, while the application runs; may be stopped and run again')
  .addOption(dataSource())
  .addOption(secrets())
  .addOption(batchSize(10_000, 500))
  .addOption(dryRun('count, and change nothing'))
  .addOption(json())
  .action(rotateKeysCommand);
program
  .command('import')
  .description('imports authenticators from elsewhere; may be run again without making duplicates')
  .addArgument(new Argument('<format>', 'what the files are').choices(FORMATS))
  .argument('[files...]', 'the files to read, or - for what is piped in')
  .addOption(dataSource())
  .addOption(secrets())
  .option('--user <id>', 'whose all of them are (key-uris, google-authenticator)')
  .option(
    '--users <file>',
    'whose they are: a CSV file with the columns account and user_id (key-uris, google-authenticator)',
  )
  .option('--accounts-are-user-ids', 'the account in the label is the user id (key-uris, google-authenticator)')
  .option('--issuer <name>', 'take only what is of this issuer (key-uris, google-authenticator)')
  .option('--from <file>', 'the file with a TypeORM data source of SuperTokens’ database (supertokens-database)')
  .option('--app-id <id>', 'SuperTokens’ app (supertokens, supertokens-database)', 'public')
  .option('--table-prefix <prefix>', 'of SuperTokens’ tables (supertokens-database)')
  .option('--schema <name>', 'of SuperTokens’ tables (supertokens-database)')
  .option('--max-devices <count>', 'how many devices a user may have: your option maxDevices', Number, 10)
  .addOption(batchSize(1_000, 100))
  .addOption(dryRun('tell what would be imported and refused, and import nothing'))
  .addOption(json())
  .action(importCommand);

useStreams();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // Commander has said already what it has to say.
  if (!(error instanceof CommanderError)) printError(described(error));
}

/** 2 when the command was wrong, 1 when it failed. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return isWrongCommand(error) ? 2 : 1;
}

function isWrongCommand(error: unknown): error is Error {
  return error instanceof BadUsage || error instanceof TotpArgumentError || error instanceof TotpConfigurationError;
}

/** What a person can mend is told in a sentence; anything else is a fault, and its stack helps. */
function described(error: unknown): string {
  return isWrongCommand(error) || error instanceof TotpError ? `error: ${error.message}` : inspect(error);
}

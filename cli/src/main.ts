/** `npx nestjs-totp-cli …`: the command line. Each command calls functions that an application can call itself. */
import 'reflect-metadata';
import { inspect } from 'node:util';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { TotpArgumentError, TotpConfigurationError, TotpError } from 'nestjs-totp';
import { BadUsage } from './commands/bad-usage.js';
import { FORMATS, importCommand } from './commands/import.js';
import { generateKey, listKeys } from './commands/keys.js';
import {
  dropDestination,
  listDeadLetters,
  listDestinations,
  moveDestination,
  purgeDeadLetters,
  requeueDeadLetters,
} from './commands/outbox.js';
import { rotateKeysCommand } from './commands/rotate-keys.js';
import { printError, useStreams } from './commands/terminal.js';

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
const batchSize = (max: number, defaultValue: number) =>
  new Option('--batch-size <count>', `how many at a time, 1–${max}`).default(defaultValue).argParser((text) => {
    const size = Number(text);
    if (Number.isInteger(size) && size >= 1 && size <= max) return size;
    throw new InvalidArgumentError(`Write a whole number from 1 to ${max}.`);
  });

const program = new Command('nestjs-totp-cli')
  .description(
    'Manages the keys and the outbox of nestjs-totp, and imports authenticators. Run a command with --help for its options.',
  )
  .showHelpAfterError('(see --help)')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

const keys = program.command('keys').description('the keys that secrets are encrypted with');
keys
  .command('list', { isDefault: true })
  .description('show how many users have secrets under each key')
  .addOption(dataSource())
  .addOption(secrets())
  .addOption(json())
  .action(listKeys);
keys.command('generate').description('make a key: 32 random bytes in Base64').action(generateKey);
program
  .command('rotate-keys')
  .description('re-encrypt all secrets with the current key while the application runs; can be stopped and run again')
  .addOption(dataSource())
  .addOption(secrets())
  .addOption(batchSize(10_000, 500))
  .addOption(dryRun('count the users, without changing anything'))
  .addOption(json())
  .action(rotateKeysCommand);
const outbox = program
  .command('outbox')
  .description('the events that wait in the outbox, and those that were given up');
const ofDeadLetters = (command: Command) =>
  command
    .addOption(dataSource())
    .option('--destination <name>', 'only those of this destination')
    .option('--user <id>', 'only those of this user')
    .option('--id <ids...>', 'only these');
ofDeadLetters(outbox.command('dead-letters', { isDefault: true }))
  .description('list the events that are not delivered any more, oldest first, and why')
  .addOption(new Option('--limit <count>', 'how many, 1–1,000').default(100).argParser(Number))
  .option('--after <token>', 'the next page: what the page before ends with')
  .addOption(json())
  .action(listDeadLetters);
ofDeadLetters(outbox.command('requeue'))
  .description('deliver dead letters again: all of them, or those that match the options')
  .action(requeueDeadLetters);
ofDeadLetters(outbox.command('purge'))
  .description('delete dead letters: they are never delivered')
  .option('--all', 'delete every dead letter')
  .action(purgeDeadLetters);
outbox
  .command('destinations')
  .description('list the destinations that have events in the outbox')
  .addOption(dataSource())
  .addOption(json())
  .action(listDestinations);
outbox
  .command('move')
  .description('give the events of a destination that was renamed to the one that it is now')
  .argument('<from>', 'the old name, to which no process delivers any more')
  .argument('<to>', 'the new name')
  .addOption(dataSource())
  .action(moveDestination);
outbox
  .command('drop')
  .description('delete all events of a destination that was removed')
  .argument('<name>', 'its name, to which no process delivers any more')
  .addOption(dataSource())
  .action(dropDestination);
program
  .command('import')
  .description('import authenticators from other products; can be run again without creating duplicates')
  .addArgument(new Argument('<format>', 'the format of the files').choices(FORMATS))
  .argument('[files...]', 'the files to read, or - for standard input')
  .addOption(dataSource())
  .addOption(secrets())
  .option('--user <id>', 'the user they all belong to (key-uris, google-authenticator)')
  .option(
    '--users <file>',
    'CSV that maps accounts to user ids: columns account and user_id (key-uris, google-authenticator)',
  )
  .option('--accounts-are-user-ids', 'the account in the label is the user id (key-uris, google-authenticator)')
  .option('--issuer <name>', 'import only this issuer’s accounts (key-uris, google-authenticator)')
  .option('--from <file>', 'the file with a TypeORM data source of SuperTokens’ database (supertokens-database)')
  .option('--app-id <id>', 'SuperTokens’ app (supertokens, supertokens-database)', 'public')
  .option('--table-prefix <prefix>', 'prefix of SuperTokens’ tables (supertokens-database)')
  .option('--schema <name>', 'schema of SuperTokens’ tables (supertokens-database)')
  .option('--unprotected <file>', 'write the ids of users who are left without a second factor into a JSON file')
  .option('--max-devices <count>', 'maximum number of devices of a user: your option maxDevices', Number, 10)
  .addOption(batchSize(1_000, 100))
  .addOption(dryRun('report what would be imported and refused, without importing anything'))
  .addOption(json())
  .action(importCommand);

useStreams();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // Commander has already printed its message.
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

/** A sentence for what the user can fix; for anything else, the stack helps. */
function described(error: unknown): string {
  return isWrongCommand(error) || error instanceof TotpError ? `error: ${error.message}` : inspect(error);
}

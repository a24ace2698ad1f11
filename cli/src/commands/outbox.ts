/** `nestjs-totp-cli outbox …`: dead letters, and events of destinations that are gone. */
import { type DeadLetterFilter, openTotpOutbox, type TotpDeadLetter, type TotpOutboxAdmin } from 'nestjs-totp';
import type { Sources } from './application.js';
import { BadUsage } from './bad-usage.js';
import { openDataSource } from './files.js';
import { count, print, table } from './terminal.js';

type DataSourceOption = Pick<Sources, 'dataSource'>;

/** Which dead letters a command is about. */
interface FilterOptions {
  readonly destination?: string;
  readonly user?: string;
  readonly id?: readonly string[];
}

export async function listDeadLetters(
  options: DataSourceOption &
    FilterOptions & { readonly limit?: number; readonly after?: string; readonly json?: boolean },
): Promise<void> {
  const { limit, after } = options;
  const page = await withOutbox(options, (admin) =>
    admin.deadLetters({
      ...filterOf(options),
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { paginationToken: after }),
    }),
  );
  if (options.json === true) {
    print(JSON.stringify(page, null, 2));
    return;
  }
  print(describeDeadLetters(page.deadLetters));
  if (page.nextPaginationToken !== undefined) print(`There are more: --after ${page.nextPaginationToken}`);
}

function describeDeadLetters(deadLetters: readonly TotpDeadLetter[]): string {
  if (deadLetters.length === 0) return 'There are no dead letters.';
  const rows = deadLetters.map(({ id, event, occurredAt, attempts, history }) => {
    const time = new Date(occurredAt).toISOString();
    return [id, event?.name ?? 'damaged', event?.userId ?? '', time, attempts, history.failures.at(-1)?.reason ?? ''];
  });
  return table(['id', 'event', 'user', 'time', 'attempts', 'last failure'], rows);
}

export async function requeueDeadLetters(options: DataSourceOption & FilterOptions): Promise<void> {
  const requeued = await withOutbox(options, (admin) => admin.requeue(filterOf(options)));
  print(`${count(requeued, 'event')} will be delivered again.`);
}

export async function purgeDeadLetters(
  options: DataSourceOption & FilterOptions & { readonly all?: boolean },
): Promise<void> {
  const filter = filterOf(options);
  const isFiltered = Object.keys(filter).length > 0;
  if (isFiltered === (options.all === true)) {
    throw new BadUsage('Write --id, --destination or --user, or --all to delete every dead letter.');
  }
  const purged = await withOutbox(options, (admin) => admin.purge(isFiltered ? filter : 'all'));
  print(`${count(purged, 'event')} deleted.`);
}

export async function listDestinations(options: DataSourceOption & { readonly json?: boolean }): Promise<void> {
  const names = await withOutbox(options, (admin) => admin.unknownDestinations());
  if (options.json === true) print(JSON.stringify(names, null, 2));
  else print(names.length === 0 ? 'The outbox is empty.' : names.join('\n'));
}

export async function moveDestination(from: string, to: string, options: DataSourceOption): Promise<void> {
  const moved = await withOutbox(options, (admin) => admin.moveDestination(from, to));
  print(`${count(moved, 'event')} moved from ${from} to ${to}.`);
}

export async function dropDestination(name: string, options: DataSourceOption): Promise<void> {
  const dropped = await withOutbox(options, (admin) => admin.dropDestination(name));
  print(`${count(dropped, 'event')} of ${name} deleted.`);
}

function filterOf({ destination, user, id }: FilterOptions): DeadLetterFilter {
  return {
    ...(destination === undefined ? {} : { destination }),
    ...(user === undefined ? {} : { userId: user }),
    ...(id === undefined ? {} : { ids: id }),
  };
}

/** Opens the outbox for a command, and closes it even if the command fails. */
async function withOutbox<T>(
  { dataSource }: DataSourceOption,
  command: (admin: TotpOutboxAdmin) => Promise<T>,
): Promise<T> {
  const opened = await openDataSource(dataSource);
  try {
    const { admin, close } = await openTotpOutbox(opened);
    return await command(admin).finally(close);
  } finally {
    await opened.destroy();
  }
}

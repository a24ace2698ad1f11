/** Ends sessions on a server, as an operator or a failing network would. */
import type { DataSource } from 'typeorm';

/** Ends one session of the database that is not the observer's own, whichever it is. */
export async function endSession(observer: DataSource): Promise<void> {
  if (observer.options.type === 'postgres') {
    await observer.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity' +
        ' WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1',
    );
    return;
  }
  const rows: { id: number | string }[] = await observer.query(
    'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() ORDER BY RAND() LIMIT 1',
  );
  // It may have ended by itself meanwhile.
  for (const { id } of rows) await observer.query(`KILL ${id}`).catch(() => undefined);
}

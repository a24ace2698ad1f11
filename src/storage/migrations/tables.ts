/** Creates and drops tables so that a migration can be run again after it was interrupted. */
import { type QueryRunner, Table, type TableColumnOptions, TableIndex } from 'typeorm';
import { ENTITIES_MISSING, TotpConfigurationError } from '../../shared/errors.js';

type Entity = new () => object;

type ColumnOptions = Omit<TableColumnOptions, 'name' | 'type'> & {
  readonly type: 'int' | 'bigint' | 'varchar' | 'text';
};

export interface TableDefinition {
  readonly entity: Entity;
  /** By the names of the entity's properties. Listed here, so that later changes of the entity do not change the migration. */
  readonly columns: Readonly<Record<string, ColumnOptions>>;
  /** The properties of each index. */
  readonly indices: readonly (readonly string[])[];
}

/**
 * Creates a table with its indices, or those parts that are missing.
 *
 * @throws TotpConfigurationError when a table of this name exists with other columns
 */
export async function createTable(queryRunner: QueryRunner, definition: TableDefinition): Promise<void> {
  const wanted = tableOf(queryRunner, definition);
  const found = await queryRunner.getTable(wanted.name);
  if (found === undefined) return queryRunner.createTable(wanted);
  requireColumns(found, wanted);
  // Sorted: on PostgreSQL, TypeORM reads the columns of an index in the order of the table.
  const covers = ({ columnNames }: TableIndex) => [...columnNames].sort().join();
  const covered = new Set(found.indices.map(covers));
  const missing = wanted.indices.filter((index) => !covered.has(covers(index)));
  for (const index of missing) await queryRunner.createIndex(found, index);
}

export async function dropTable(queryRunner: QueryRunner, entity: Entity): Promise<void> {
  await queryRunner.dropTable(metadataOf(queryRunner, entity).tablePath, true);
}

function tableOf(queryRunner: QueryRunner, { entity, columns, indices }: TableDefinition): Table {
  const { driver } = dataSourceOf(queryRunner);
  const metadata = metadataOf(queryRunner, entity);
  const databaseName = (property: string) => metadata.findColumnWithPropertyName(property)?.databaseName ?? property;
  return new Table({
    name: metadata.tablePath,
    columns: Object.entries(columns).map(([property, { type, ...options }]) => ({
      ...options,
      name: databaseName(property),
      type: driver.normalizeType({ type }),
    })),
    indices: indices.map((properties) => new TableIndex({ columnNames: properties.map(databaseName) })),
  });
}

function requireColumns(found: Table, wanted: Table): void {
  const differs = wanted.columns.some(({ name, type, isPrimary, isNullable }) => {
    const column = found.findColumnByName(name);
    return column?.type !== type || column.isPrimary !== isPrimary || column.isNullable !== isNullable;
  });
  if (differs || found.columns.length !== wanted.columns.length) {
    throw new TotpConfigurationError(
      `TotpModule: the database already has a table "${wanted.name}" with other columns. Rename or drop that table, or set ` +
        'entityPrefix on the data source, then run the migrations again.',
    );
  }
}

/** @throws TotpConfigurationError when the data source does not know the module's entities */
function metadataOf(queryRunner: QueryRunner, entity: Entity) {
  const dataSource = dataSourceOf(queryRunner);
  if (!dataSource.hasMetadata(entity)) throw new TotpConfigurationError(ENTITIES_MISSING);
  return dataSource.getMetadata(entity);
}

function dataSourceOf(queryRunner: QueryRunner) {
  // TypeORM 0.3 and 1 both have `connection`.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  return queryRunner.connection;
}

/** What the migrations need of the data source that runs them. */
import { type QueryRunner, Table, type TableColumnOptions } from 'typeorm';
import { ENTITIES_MISSING, TotpConfigurationError } from '../../shared/errors.js';

export type Entity = new () => object;

/** @throws TotpConfigurationError when the data source does not know the module's entities */
export function metadataOf(queryRunner: QueryRunner, entity: Entity) {
  const dataSource = dataSourceOf(queryRunner);
  if (!dataSource.hasMetadata(entity)) throw new TotpConfigurationError(ENTITIES_MISSING);
  return dataSource.getMetadata(entity);
}

export function dataSourceOf(queryRunner: QueryRunner) {
  // `connection` is what TypeORM 0.3 and 1 both have.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  return queryRunner.connection;
}

type ColumnOptions = Omit<TableColumnOptions, 'name' | 'type'> & {
  readonly type: 'int' | 'bigint' | 'varchar' | 'text';
};

/** Columns by the names of the entity's properties, so that later changes of the entity do not change this migration. */
export async function createTable(
  queryRunner: QueryRunner,
  entity: Entity,
  columns: Readonly<Record<string, ColumnOptions>>,
  indices: readonly (readonly string[])[] = [],
): Promise<void> {
  const { driver } = dataSourceOf(queryRunner);
  const metadata = metadataOf(queryRunner, entity);
  const databaseName = (property: string) => metadata.findColumnWithPropertyName(property)?.databaseName ?? property;
  await queryRunner.createTable(
    new Table({
      name: metadata.tablePath,
      columns: Object.entries(columns).map(([property, { type, ...options }]) => ({
        ...options,
        name: databaseName(property),
        type: driver.normalizeType({ type }),
      })),
      indices: indices.map((properties) => ({ columnNames: properties.map(databaseName) })),
    }),
  );
}

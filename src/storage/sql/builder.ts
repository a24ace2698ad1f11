/** Builds SQL from an entity's own table and column names, quoted and numbered as the driver expects. */
import type { DataSource, EntityMetadata, ObjectLiteral, ObjectType } from 'typeorm';
import { TotpStorageError } from '../../shared/errors.js';

export class Sql {
  private readonly metadata: EntityMetadata;
  readonly table: string;

  constructor(
    private readonly dataSource: DataSource,
    entity: ObjectType<ObjectLiteral>,
  ) {
    this.metadata = dataSource.getMetadata(entity);
    this.table = this.metadata.tablePath
      .split('.')
      .map((part) => dataSource.driver.escape(part))
      .join('.');
  }

  /** The column of a property of the entity. */
  column(property: string): string {
    const column = this.metadata.findColumnWithPropertyName(property);
    if (column === undefined) throw new TotpStorageError(`${this.metadata.name} has no column "${property}".`);
    return this.dataSource.driver.escape(column.databaseName);
  }

  /** A name that only this statement defines, quoted. */
  name(name: string): string {
    return this.dataSource.driver.escape(name);
  }

  /** The n-th parameter of a statement, from 1. */
  parameter(n: number): string {
    return this.dataSource.driver.createParameter(`p${String(n)}`, n - 1);
  }

  /** `n` parameters, numbered from `first`. */
  parameters(n: number, first = 1): string[] {
    return Array.from({ length: n }, (_, index) => this.parameter(first + index));
  }
}

/** The errors for a part of the application that is missing or installed twice. */
import type { DiscoveryService } from '@nestjs/core';
import { fail } from './schema.js';

/** Throws the error for an event emitter that is missing or comes from another copy of its package. */
export function missingEmitter(discovery: DiscoveryService): never {
  if (tokens(discovery).some((token) => typeof token === 'function' && token.name === 'EventEmitter2')) {
    fail(
      'two copies of @nestjs/event-emitter are installed, and EventEmitterModule comes from the other one',
      'Run "npm ls @nestjs/event-emitter eventemitter2" to see both, and make the versions agree so that one remains ("npm dedupe")',
    );
  }
  return fail(
    'the event emitter is missing',
    'Add EventEmitterModule.forRoot() from @nestjs/event-emitter to the imports of your application, or provide a ' +
      'TotpEventPublisher of your own',
  );
}

/** The error for a missing data source. */
export function missingDataSource(discovery: DiscoveryService, name: string | undefined): string {
  const others = dataSourceNames(discovery);
  if (name !== undefined && others.length > 0) {
    return (
      `TotpModule: the data source "${name}" does not exist, only ${others.join(', ')}. Write one of these names: ` +
      'TotpModule.forRoot({ …, dataSource: "name" }), or leave it out for the default one.'
    );
  }
  if (others.includes('default')) {
    return (
      'TotpModule: two copies of typeorm or @nestjs/typeorm are installed, and the data source comes from the other one. Run ' +
      '"npm ls typeorm @nestjs/typeorm" to see both, and make the versions agree so that one remains ("npm dedupe").'
    );
  }
  if (others.length > 0) {
    return (
      `TotpModule: the default data source is missing; the application has ${others.join(', ')}. Write TotpModule.forRoot({ …, dataSource: ` +
      `"${others[0] ?? ''}" }).`
    );
  }
  return (
    'TotpModule: the TypeORM data source is missing. Add TypeOrmModule.forRoot({ …, entities: [...TOTP_ENTITIES], ' +
    'migrations: TOTP_MIGRATIONS, migrationsRun: true }) to the imports of your application; if it is not the default one, name it with ' +
    'TotpModule.forRoot({ …, dataSource: "name" }).'
  );
}

/** `@nestjs/typeorm` provides the default data source under its class, and others under strings. */
function dataSourceNames(discovery: DiscoveryService): string[] {
  const names = tokens(discovery).flatMap((token) => {
    if (typeof token === 'function' && token.name === 'DataSource') return 'default';
    return typeof token === 'string' && token.endsWith('DataSource') ? token.slice(0, -'DataSource'.length) : [];
  });
  return [...new Set(names)];
}

function tokens(discovery: DiscoveryService): readonly unknown[] {
  return discovery.getProviders().map(({ token }) => token);
}

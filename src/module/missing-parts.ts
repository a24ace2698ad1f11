/** What to say when a part of the application is missing, or there in two copies. */
import type { DiscoveryService } from '@nestjs/core';
import { fail } from './schema.js';

/** Ends the start: there is no event emitter, or only one of another copy of its package. */
export function missingEmitter(discovery: DiscoveryService): never {
  if (tokens(discovery).some((token) => typeof token === 'function' && token.name === 'EventEmitter2')) {
    fail(
      'there are two copies of @nestjs/event-emitter, and EventEmitterModule is of the other one',
      'Run "npm ls @nestjs/event-emitter eventemitter2" to see both, and make the versions agree so that one remains ("npm dedupe")',
    );
  }
  return fail(
    'there is no event emitter',
    'Add EventEmitterModule.forRoot() from @nestjs/event-emitter to the imports of your application, or provide a ' +
      'TotpEventPublisher of your own',
  );
}

/** What is wrong where there is no data source of a name, or none at all. */
export function missingDataSource(discovery: DiscoveryService, name: string | undefined): string {
  const others = dataSourceNames(discovery);
  if (name !== undefined && others.length > 0) {
    return (
      `TotpModule: there is no data source named "${name}", but ${others.join(', ')}. Write one of these names: ` +
      'TotpModule.forRoot({ …, dataSource: "name" }), or leave it out for the default one.'
    );
  }
  if (others.includes('default')) {
    return (
      'TotpModule: there are two copies of typeorm or @nestjs/typeorm, and the data source is of the other one. Run ' +
      '"npm ls typeorm @nestjs/typeorm" to see both, and make the versions agree so that one remains ("npm dedupe").'
    );
  }
  if (others.length > 0) {
    return (
      `TotpModule: there is no default data source, but ${others.join(', ')}. Write TotpModule.forRoot({ …, dataSource: ` +
      `"${others[0] ?? ''}" }).`
    );
  }
  return (
    'TotpModule: there is no TypeORM data source. Add TypeOrmModule.forRoot({ …, entities: [...TOTP_ENTITIES], ' +
    'migrations: TOTP_MIGRATIONS, migrationsRun: true }) to the imports of your application; name it with ' +
    'TotpModule.forRoot({ …, dataSource: "name" }) when it is not the default one.'
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

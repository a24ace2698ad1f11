/** Builds the dynamic module from the options and the extras, with Nest's own builder. */
import { ConfigurableModuleBuilder, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { createTotpController } from '../http/totp.controller.js';
import { TOTP_ENTITIES } from '../storage/index.js';
import { readExtras } from './check-options.js';
import { moduleList } from './extras.js';
import type { TotpModuleExtras, TotpModuleOptions } from './options.js';
import { exportsOf, providersOf } from './providers.js';
import { checkSuperTokens, superTokensControllers, totpInterceptors, totpPaths } from './super-tokens.js';
import { GIVEN_OPTIONS } from './tokens.js';

/**
 * `forRoot` and `forRootAsync`. Extras that a factory returns stay in the options, where `checkOptions` rejects them: the
 * builder would ignore them.
 */
export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TotpModuleOptions>({
  optionsInjectionToken: GIVEN_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTotpOptions')
  .setExtras<TotpModuleExtras>(readExtras({}), define)
  .build();

function define(definition: DynamicModule, given: TotpModuleExtras): DynamicModule {
  const extras = readExtras({ ...given, imports: definition.imports ?? given.imports });
  checkSuperTokens(extras);
  // Adds the entities to a data source with `autoLoadEntities`. The repositories that this returns are not needed.
  TypeOrmModule.forFeature(TOTP_ENTITIES, extras.dataSource);
  const controller = extras.controllers
    ? createTotpController(totpPaths(extras), extras.guards, totpInterceptors(extras))
    : null;
  return {
    ...definition,
    global: extras.global,
    imports: [DiscoveryModule, ...moduleList(extras.imports, 'imports')],
    controllers: [...(controller === null ? [] : [controller]), ...superTokensControllers(extras)],
    providers: [...(definition.providers ?? []), ...providersOf(extras, controller)],
    exports: exportsOf(extras),
  };
}

/** Lets the user directory have any scope, although the service that calls it is a singleton. */
import { Inject, Injectable } from '@nestjs/common';
import { type ContextId, ContextIdFactory, DiscoveryService, ModuleRef } from '@nestjs/core';
import { TotpUserDirectory, type UserIdentifierInfoAnswer } from '../recipe/user-directory.js';
import { property } from '../shared/unknown.js';
import { platformRequestOf } from '../supertokens/override/request.js';
import { APPLICATION_DIRECTORY } from './tokens.js';

type Question = Parameters<TotpUserDirectory['getUserIdentifierInfo']>[0];

/**
 * Calls the application's directory. A directory that is request-scoped, or injects something request-scoped, is resolved for each
 * call, in the context of the HTTP request that the controller passes in `userContext`. Resolving it late also lets a directory inject
 * providers that inject `TotpService`.
 */
@Injectable()
export class ContextualUserDirectory extends TotpUserDirectory {
  constructor(
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
  ) {
    super();
  }

  override async getUserIdentifierInfo(question: Question): Promise<UserIdentifierInfoAnswer> {
    return (await this.resolve(question)).getUserIdentifierInfo(question);
  }

  private async resolve({ userContext }: Question): Promise<TotpUserDirectory> {
    const own = this.discovery.getProviders().find(({ instance }) => instance === this)?.host;
    const wrapper = own?.getProviderByKey<TotpUserDirectory>(APPLICATION_DIRECTORY);
    if (wrapper?.isDependencyTreeStatic() && !wrapper.isTransient) {
      return this.moduleRef.get<TotpUserDirectory>(APPLICATION_DIRECTORY);
    }
    const request = platformRequestOf(userContext);
    const context = contextOf(request);
    if (request !== undefined) {
      // As Nest's router does: a durable provider tree shares the payload of the context-id strategy, not one request.
      const isDurable = wrapper?.isDependencyTreeDurable() === true;
      const payload = property(context, 'payload');
      this.moduleRef.registerRequestByContextId(isDurable && payload !== undefined ? payload : request, context);
    }
    return this.moduleRef.resolve<TotpUserDirectory>(APPLICATION_DIRECTORY, context);
  }
}

function contextOf(request: unknown): ContextId {
  return typeof request === 'object' && request !== null
    ? ContextIdFactory.getByRequest(request)
    : ContextIdFactory.create();
}

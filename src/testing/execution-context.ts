/** What Nest passes to guards, made by hand. */
/* eslint-disable @typescript-eslint/consistent-type-assertions, @typescript-eslint/no-unnecessary-type-parameters --
   Nest's interface lets callers name the types of what they get, without a check. */
import type { ExecutionContext } from '@nestjs/common';

/**
 * The context of a call by some transport.
 *
 * @param type `http`, `ws`, `rpc`, `graphql` or another
 * @param args what the handler is called with
 */
export class TestExecutionContext implements ExecutionContext {
  constructor(
    private readonly type: string,
    private readonly args: readonly unknown[],
  ) {}

  getType<Type extends string>(): Type {
    return this.type as Type;
  }

  getClass<Class>(): Class {
    return TestExecutionContext as Class;
  }

  getHandler(): () => void {
    return handler;
  }

  getArgs<Args>(): Args {
    return this.args as Args;
  }

  getArgByIndex<Argument>(index: number): Argument {
    return this.args[index] as Argument;
  }

  switchToHttp() {
    return {
      getRequest: <Request>() => this.getArgByIndex<Request>(0),
      getResponse: <Response>() => this.getArgByIndex<Response>(1),
      getNext: <Next>() => this.getArgByIndex<Next>(2),
    };
  }

  switchToRpc() {
    return {
      getData: <Data>() => this.getArgByIndex<Data>(0),
      getContext: <Context>() => this.getArgByIndex<Context>(1),
    };
  }

  switchToWs() {
    return {
      getClient: <Client>() => this.getArgByIndex<Client>(0),
      getData: <Data>() => this.getArgByIndex<Data>(1),
      getPattern: () => 'message',
    };
  }
}

function handler(): void {
  // Nothing calls it.
}

/** Headers that tell a front end what its session may do. */
import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { SessionContainer } from './session.js';

/** The headers for the state of a session. The default, `NoSessionHeaders`, writes none. */
export abstract class SessionHeaders {
  /** @returns the values by name; undefined for none */
  abstract headersFor(
    session: SessionContainer,
    context: ExecutionContext,
  ): Promise<Readonly<Record<string, string>>> | undefined;
}

export class NoSessionHeaders extends SessionHeaders {
  override headersFor(): undefined {
    return undefined;
  }
}

/** Writes the headers on answers of the module's routes, and with refusals: the state of the session is then news to the front end. */
@Injectable()
export class SessionHeaderWriter {
  constructor(
    @Inject(SessionHeaders) private readonly headers: SessionHeaders,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  /** Does nothing for other transports than HTTP. */
  async write(context: ExecutionContext, session: SessionContainer): Promise<void> {
    if (context.getType() !== 'http') return;
    const headers = await this.headers.headersFor(session, context);
    if (headers === undefined) return;
    const response: unknown = context.switchToHttp().getResponse();
    for (const [name, value] of Object.entries(headers)) this.host.httpAdapter.setHeader(response, name, value);
  }
}

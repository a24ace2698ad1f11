/** The contexts in which Nest calls guards, made by hand. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';

/** A request as guards see it, with what sign-ins and session plugins have put into it. */
export function contextOf(properties: object): ExecutionContextHost {
  return new ExecutionContextHost([Object.assign(new IncomingMessage(new Socket()), properties)]);
}

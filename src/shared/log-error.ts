/** The one way to log a failure. */
import type { LoggerService } from '@nestjs/common';

/**
 * Logs what failed, with the stack of the error that was caught.
 *
 * @param message names the operation that failed; it holds nothing secret
 * @param error whatever was thrown
 */
export function logError(logger: Pick<LoggerService, 'error'>, message: string, error: unknown): void {
  logger.error(message, error instanceof Error ? error.stack : String(error));
}

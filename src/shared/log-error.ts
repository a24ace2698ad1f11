/** Logs failures, in one form for the whole module. */
import type { LoggerService } from '@nestjs/common';

/**
 * Logs what failed, with the stack of the error that was caught.
 *
 * @param message names the operation that failed; must not contain secrets
 * @param error what was thrown
 */
export function logError(logger: Pick<LoggerService, 'error'>, message: string, error: unknown): void {
  logger.error(message, error instanceof Error ? error.stack : String(error));
}

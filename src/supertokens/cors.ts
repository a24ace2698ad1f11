/** The CORS headers of SuperTokens' front ends. */

/** Arguments of `app.enableCors`. */
export interface SuperTokensCorsHeaders {
  readonly allowedHeaders: string[];
  readonly exposedHeaders: string[];
}

/**
 * The headers that a SuperTokens front end sends, and those that it must be able to read, when its pages come from another origin than the
 * API. Without them, browsers block its requests.
 *
 * @param own further headers that your own front end sends
 * @example
 * app.enableCors({ origin: 'https://app.example.com', credentials: true, ...superTokensCorsHeaders() });
 */
export function superTokensCorsHeaders(own: readonly string[] = []): SuperTokensCorsHeaders {
  return {
    allowedHeaders: ['content-type', 'rid', 'fdi-version', 'anti-csrf', 'authorization', 'st-auth-mode', ...own],
    exposedHeaders: ['front-token', 'st-access-token', 'st-refresh-token', 'anti-csrf'],
  };
}

/** Bundles the front end, and serves it from an origin of its own. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface FrontEnd {
  readonly url: string;
  /** Call it when the application listens. */
  callTo(apiDomain: string): void;
  close(): Promise<void>;
}

export async function startFrontEnd(): Promise<FrontEnd> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./app.js', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  const script = outputFiles[0]?.text ?? '';
  let apiDomain = '';
  const server: Server = createServer((request, response) => {
    if (request.url === '/app.js') {
      response.setHeader('content-type', 'text/javascript; charset=utf-8').end(script);
      return;
    }
    const page = `<!doctype html><title>Acme</title><body data-api-domain="${apiDomain}"><div id="root"></div><script src="/app.js"></script>`;
    response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    callTo(url) {
      apiDomain = url;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => {
          closed();
        });
        server.closeAllConnections();
      }),
  };
}

/** The network between a service and its database server, which a test breaks at the statement of its choice. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { prepared } from '../../src/storage/sql/statement.js';
import type { OpenDatabase } from '../support/databases.js';

/** What becomes of the connection on which a statement comes along. */
export type Break =
  /** It breaks, and the server never gets the statement. */
  | 'before the statement'
  /** It breaks when the server answers. */
  | 'before the reply'
  /** It breaks for the caller alone: the server has the statement, and all the time to do it. */
  | 'for the caller';

export class Wire {
  private next: { readonly marks: readonly string[]; readonly breaks: Break } | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    server.on('connection', (caller) => {
      this.join(caller, connect(this.target));
    });
  }

  /** @param database on a server; without TLS, so that the statements can be read */
  static async to({ options }: OpenDatabase): Promise<Wire> {
    if (!('host' in options)) throw new Error('There is no network to an SQLite file.');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Wire(server, { host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  }

  get port(): number {
    const address = this.server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The wire is down.');
    return address.port;
  }

  /** Breaks the connection on which a statement that begins like this comes along next, or the name that it is prepared by. */
  breakAt(sql: string, breaks: Break): void {
    this.next = { marks: [sql.slice(0, 30), prepared(sql).name], breaks };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(caller: Socket, server: Socket): void {
    let isDeaf = false;
    const breakOff = () => {
      caller.destroy();
      server.destroy();
    };
    caller.on('data', (message) => {
      const breaks = this.next?.marks.some((mark) => message.includes(mark)) ? this.next.breaks : undefined;
      if (breaks !== undefined) this.next = undefined;
      if (breaks === 'before the statement') breakOff();
      else server.write(message);
      if (breaks === 'before the reply') server.removeAllListeners('data').once('data', breakOff);
      if (breaks === 'for the caller') {
        isDeaf = true;
        caller.destroy();
      }
    });
    server.on('data', (reply) => {
      if (!isDeaf) caller.write(reply);
    });
    caller.on('close', () => {
      if (!isDeaf) server.destroy();
    });
    server.on('close', () => caller.destroy());
    for (const socket of [caller, server]) {
      socket.setNoDelay();
      this.sockets.add(socket);
      socket.on('error', breakOff);
      socket.on('close', () => this.sockets.delete(socket));
    }
  }
}

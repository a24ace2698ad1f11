/** The line to a broker, which a test holds and cuts. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Line {
  private readonly sockets = new Set<Socket>();
  private isCut = false;
  private held: Socket[] | undefined;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** @param url where the broker is */
  static async to(url: string): Promise<Line> {
    const { hostname, port } = new URL(url);
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const own = new URL(url);
    own.hostname = '127.0.0.1';
    own.port = String((server.address() as AddressInfo).port);
    const line = new Line(server, own.href);
    server.on('connection', (client) => {
      line.join(client, connect(Number(port), hostname));
    });
    return line;
  }

  private join(client: Socket, broker: Socket): void {
    for (const socket of [client, broker]) {
      this.sockets.add(socket);
      // A cut line is told to both sides; what they say of it is no concern of the test.
      socket
        .on('error', () => undefined)
        .on('close', () => {
          this.sockets.delete(socket);
          client.destroy();
          broker.destroy();
        });
      if (this.isCut) socket.destroy();
    }
    broker.pipe(client);
    client.on('data', (data) => broker.write(data));
    if (this.held !== undefined) this.hold();
  }

  /** Keeps back what is sent to the broker. */
  hold(): void {
    this.held = [...this.sockets];
    for (const socket of this.held) socket.pause();
  }

  letGo(): void {
    for (const socket of this.held ?? []) socket.resume();
    this.held = undefined;
  }

  /** Ends all connections and refuses new ones. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** A TCP proxy before a database server. It knows where statements begin, and delays or cuts those that a test chooses. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { prepared } from '../../src/storage/sql/statement.js';
import type { OpenDatabase } from '../support/databases.js';

/** When the connection is cut on which a statement is sent. */
export type Cut =
  /** The server never receives the statement. */
  | 'before the statement'
  /** The server has run it, and its reply is lost. */
  | 'before the reply'
  /** The caller loses the connection at once; the server runs the statement and only then notices. */
  | 'for the caller'
  /** The server ends the session as soon as it has replied: PostgreSQL's last words arrive in one packet with the reply. */
  | 'after the reply';

export type Fault =
  { readonly cut: Cut } | { readonly delay: 'the statement' | 'the reply'; readonly milliseconds: number };

/** @param statement as it is sent: its SQL, or the name under which it was prepared, among other bytes */
export type Plan = (statement: string) => Fault | undefined;

export class TcpProxy {
  /** What happens to statements; without one, all pass. */
  plan: Plan | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private target: Target,
    private readonly protocol: () => Protocol,
  ) {
    server.on('connection', (caller) => {
      this.join(caller, connect(this.target));
    });
  }

  /** @param database on a server; without TLS, so that the statements can be read */
  static async to({ options }: OpenDatabase): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, targetOf(options), options.type === 'postgres' ? postgresProtocol : mysqlProtocol);
  }

  get port(): number {
    const address = this.server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The proxy is closed.');
    return address.port;
  }

  /** New connections go to another server of the same kind. */
  redirect({ options }: OpenDatabase): void {
    this.target = targetOf(options);
  }

  /** Cuts the connection on which a statement that begins like this is sent next, by its SQL or by its name. */
  cutNext(sql: string, cut: Cut): void {
    const marks = [sql.slice(0, 30), prepared(sql).name];
    this.plan = (statement) => {
      if (!marks.some((mark) => statement.includes(mark))) return undefined;
      this.plan = undefined;
      return { cut };
    };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(caller: Socket, server: Socket): void {
    const [toServer, toCaller] = [new DelayedPipe(server), new DelayedPipe(caller)];
    const cutBoth = () => {
      caller.destroy();
      server.destroy();
    };
    const { split, readReply } = this.protocol();
    caller.on('data', (bytes) => {
      for (const { message, statement } of split(bytes)) {
        const fault = statement === undefined ? undefined : this.plan?.(statement.toString('latin1'));
        if (fault === undefined) toServer.write(message);
        else if ('delay' in fault) {
          if (fault.delay === 'the statement') toServer.hold(fault.milliseconds);
          else toCaller.hold(fault.milliseconds);
          toServer.write(message);
        } else if (fault.cut === 'before the statement') cutBoth();
        else {
          toServer.write(message);
          server.removeAllListeners('data').once('data', (reply: Buffer) => {
            if (fault.cut === 'after the reply') caller.write(Buffer.concat([reply, TERMINATED]), cutBoth);
            else cutBoth();
          });
          if (fault.cut === 'for the caller') caller.removeAllListeners('close').destroy();
        }
      }
    });
    server.on('data', (reply) => {
      readReply(reply);
      toCaller.write(reply);
    });
    // What is delayed arrives even when the caller does not wait for it any more.
    caller.on('close', () => {
      toServer.end();
    });
    server.on('close', () => {
      toCaller.end();
    });
    for (const socket of [caller, server]) {
      socket.setNoDelay();
      this.sockets.add(socket);
      socket.on('error', cutBoth);
      socket.on('close', () => this.sockets.delete(socket));
    }
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function targetOf(options: OpenDatabase['options']): Target {
  if (!('host' in options)) throw new Error('There is no network to an SQLite file.');
  return { host: options.host ?? '127.0.0.1', port: options.port ?? 0 };
}

/** ErrorResponse of PostgreSQL. Clients of MySQL take it for a broken packet, and give the connection up too. */
const TERMINATED = errorResponse('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0');

function errorResponse(fields: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(length.length + fields.length);
  return Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]);
}

/** Writes to a socket in order, and nothing while it is held. */
class DelayedPipe {
  private readonly waiting: (() => void)[] = [];
  private holds = 0;

  constructor(private readonly socket: Socket) {}

  hold(milliseconds: number): void {
    this.holds++;
    setTimeout(() => {
      this.holds--;
      while (this.holds === 0 && this.waiting.length > 0) this.waiting.shift()?.();
    }, milliseconds);
  }

  write(bytes: Buffer): void {
    this.do(() => {
      if (this.socket.writable) this.socket.write(bytes);
    });
  }

  end(): void {
    this.do(() => {
      this.socket.end();
    });
  }

  private do(action: () => void): void {
    if (this.holds > 0) this.waiting.push(action);
    else action();
  }
}

interface Message {
  readonly message: Buffer;
  /** What the message runs; undefined when it runs nothing. */
  readonly statement?: Buffer;
}

/** What one connection of a client says. */
interface Protocol {
  /** Splits what the client sends into messages, of which a statement with its parameters is one. */
  readonly split: (bytes: Buffer) => Message[];
  readonly readReply: (bytes: Buffer) => void;
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html: a type of one byte (except at start-up), then the length. */
function postgresProtocol(): Protocol {
  let [rest, statement] = [Buffer.alloc(0), Buffer.alloc(0)];
  let hasStarted = false;
  const split = (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    const messages: Message[] = [];
    for (;;) {
      const header = hasStarted ? 1 : 0;
      if (rest.length < header + 4) return messages;
      const length = header + rest.readInt32BE(header);
      if (rest.length < length) return messages;
      const [type, message] = [hasStarted ? String.fromCharCode(rest[0] ?? 0) : '', rest.subarray(0, length)];
      rest = rest.subarray(length);
      hasStarted = true;
      // Q(uery) is a whole statement; P(arse), B(ind), D(escribe), E(xecute) and C(lose) are parts of one that S(ync) ends.
      if ('QPBDECS'.includes(type) && type !== '') {
        statement = Buffer.concat([statement, message]);
        if (type !== 'Q' && type !== 'S') continue;
        messages.push({ message: statement, statement });
        statement = Buffer.alloc(0);
      } else messages.push({ message });
    }
  };
  return { split, readReply: () => undefined };
}

const [COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE] = [0x03, 0x16, 0x17];

/**
 * https://mariadb.com/kb/en/0-packet/: three bytes of length and the sequence number, which is 0 in a command. The command that executes
 * a prepared statement names it by the number in the reply to the one that prepared it.
 */
function mysqlProtocol(): Protocol {
  let rest = Buffer.alloc(0);
  let preparing: Buffer | undefined;
  const prepared = new Map<number, Buffer>();

  const statementOf = (message: Buffer): Buffer | undefined => {
    const command = message[3] === 0 ? message[4] : undefined;
    if (command === COM_QUERY) return message;
    if (command === COM_STMT_EXECUTE) return prepared.get(message.readUInt32LE(5)) ?? message;
    if (command === COM_STMT_PREPARE) preparing = message;
    return undefined;
  };

  const split = (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    const messages: Message[] = [];
    while (rest.length >= 4 && rest.length >= 4 + rest.readUIntLE(0, 3)) {
      const message = rest.subarray(0, 4 + rest.readUIntLE(0, 3));
      rest = rest.subarray(message.length);
      const statement = statementOf(message);
      messages.push(statement === undefined ? { message } : { message, statement });
    }
    return messages;
  };

  const readReply = (reply: Buffer) => {
    if (preparing !== undefined && reply[4] === 0) prepared.set(reply.readUInt32LE(5), preparing);
    preparing = undefined;
  };

  return { split, readReply };
}

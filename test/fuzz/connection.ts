/** Sends bytes to a server, and reads what comes back as an HTTP answer: Node's own clients refuse to send anything wrong. */
import { connect } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** What came back: an answer, or nothing, when the server closed the connection or the client did. */
export type Reply = HttpAnswer | 'nothing';

export interface Exchange {
  readonly bytes: Buffer;
  /** Whether the answer to this has no body, whatever its headers say (RFC 9110 §9.3.2). */
  readonly isHead: boolean;
  readonly ending: 'wait' | 'give up' | 'break';
}

/** How long an answer that must come may take, in ms: far longer than any does. */
const PATIENCE = 120_000;
/** How long the client waits for an answer that need not come. */
const SHORT_PATIENCE = 150;

export function exchange(port: number, { bytes, isHead, ending }: Exchange): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect(port, '127.0.0.1');
    const settle = (reply: Reply) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(
      () => {
        socket.destroy();
        if (ending === 'wait') reject(new Error(`No answer came within ${PATIENCE} ms`));
        else resolve('nothing');
      },
      ending === 'wait' ? PATIENCE : SHORT_PATIENCE,
    );
    // A server that has answered already may refuse the rest: what it said by then counts.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      settle(readAnswer(Buffer.concat(received), isHead, true) ?? 'nothing');
    });
    socket.on('data', (chunk) => {
      received.push(chunk);
      const answer = readAnswer(Buffer.concat(received), isHead, false);
      if (answer !== undefined) settle(answer);
    });
    if (ending === 'break') {
      socket.write(bytes, () => {
        // Some are still being read, others are already being worked on.
        setTimeout(() => {
          socket.resetAndDestroy();
        }, bytes.length % 5);
      });
    } else {
      socket.write(bytes);
    }
  });
}

/** The answer at the beginning of the bytes; undefined when it is not whole yet. */
function readAnswer(bytes: Buffer, isHead: boolean, isAll: boolean): HttpAnswer | undefined {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  if (!Number.isInteger(status)) throw new Error(`This is no HTTP answer: ${JSON.stringify(statusLine)}`);
  if (status === 100) return readAnswer(bytes.subarray(end + 4), isHead, isAll);

  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`This is no header: ${JSON.stringify(line)}`);
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const content = bytes.subarray(end + 4);
  if (isHead) return { status, headers, body: '' };
  if (headers.get('transfer-encoding') === 'chunked') {
    // Nobody here sends more than an empty text in this way.
    const isEmpty = content.toString().startsWith('0\r\n\r\n');
    return isEmpty || isAll ? { status, headers, body: isEmpty ? '' : content.toString() } : undefined;
  }
  const length = headers.get('content-length');
  if (length === undefined) return isAll ? { status, headers, body: content.toString() } : undefined;
  return content.length < Number(length)
    ? undefined
    : { status, headers, body: content.subarray(0, Number(length)).toString() };
}

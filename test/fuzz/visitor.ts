/** Somebody who sends fuzzed requests to an application, and remembers what is needed to make the next ones sensible. */
import { randomUUID } from 'node:crypto';
import { totpCode } from 'nestjs-totp/testing';
import type { TestApplication } from '../support/application.js';
import { problemWith } from './answers.js';
import { exchange, type HttpAnswer, type Reply } from './connection.js';
import { bytesOf, type Filling, type FuzzedRequest, ownSignIn, type Past, type Who } from './requests.js';
import { written } from './texts.js';

/** What became of all requests to an application. */
export class Records {
  /** What was shown to users alone, and must not be in any log. */
  readonly secrets = new Set<string>();
  readonly codes = new Set<string>();
  /** The answers, such as `/verify 200 OK`, and how often each came. */
  readonly answers = new Map<string, number>();

  note({ method, target }: FuzzedRequest, { status, body }: HttpAnswer): void {
    const outcome = /^\{"status":"([A-Z_]+)"/.exec(body)?.[1] ?? '';
    const answer = `${method} ${written(target).replace('/totp', '')} ${String(status)} ${outcome}`.trim();
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }
}

const SECRETS = ['B', 'C'].map((letter) => letter.repeat(32));

export class Visitor implements Filling {
  readonly strangerId = randomUUID();
  private readonly session = randomUUID();
  private readonly devices: { readonly name: string; readonly secret: string }[] = [];
  private recoveryCodes: readonly string[] = [];
  private sessions = 0;

  constructor(
    private readonly application: TestApplication,
    private readonly records: Records,
    readonly userId: string,
    /** Answers that are allowed although they are a fault, where a test makes faults. */
    private readonly isExpectedFault: (answer: HttpAnswer) => boolean = () => false,
  ) {}

  async live(past: Past): Promise<void> {
    const { totp } = this.application;
    const { userId } = this;
    for (const [n, secretKey] of SECRETS.slice(0, past.verified).entries()) {
      const deviceName = `phone ${String(n)}`;
      await totp.importDevice({ userId, deviceName, secretKey });
      this.keep(deviceName, secretKey);
    }
    const made = await totp.createRecoveryCodes({ userId, onBehalfOf: 'application' });
    if (made.status === 'OK') this.keepCodes(made.recoveryCodes);
    if (past.completed && past.verified > 0) await this.send(ownSignIn);
    if (past.unverified > 0) {
      const device = await totp.createDevice({ userId, deviceName: 'new', onBehalfOf: 'application' });
      if (device.status === 'OK') this.keep(device.deviceName, device.secret);
    }
    for (let n = 0; n < past.failures; n++) await totp.verifyTOTP({ userId, totp: 'wrong' });
  }

  /** @throws when the answer is none that is documented */
  async send(request: FuzzedRequest): Promise<Reply> {
    const { clock, url } = this.application;
    clock.set(Math.max(clock.now() + request.wait * 1000, 0));
    const reply = await exchange(Number(new URL(url).port), {
      bytes: bytesOf(request, this.senderOf(request.who), this),
      isHead: request.method === 'HEAD',
      ending: typeof request.ending === 'string' ? request.ending : 'break',
    });
    if (reply === 'nothing') {
      if (request.ending === 'wait') throw new Error('The server closed the connection without an answer');
      return reply;
    }
    if (this.isExpectedFault(reply)) return reply;
    const problem = problemWith(request, reply);
    if (problem !== undefined) throw new Error(`${problem}: ${String(reply.status)} ${reply.body.slice(0, 2_000)}`);
    this.records.note(request, reply);
    if (request.who === 'owner' || request.who === 'again') this.remember(reply.body);
    return reply;
  }

  nameOf(device: number): string {
    return this.devices.at(device % Math.max(this.devices.length, 1))?.name ?? 'phone';
  }

  codeOf(device: number, steps: number): string {
    const { secret } = this.devices.at(device % Math.max(this.devices.length, 1)) ?? {};
    if (secret === undefined) return '000000';
    const code = totpCode(secret, Math.max(this.application.clock.now() + steps * 30_000, 0));
    this.records.codes.add(code);
    return code;
  }

  recoveryCodeOf(n: number): string {
    return this.recoveryCodes.at(n % Math.max(this.recoveryCodes.length, 1)) ?? '0000-0000-0000-0000-0000-0000';
  }

  private senderOf(who: Who): Record<string, string> {
    switch (who) {
      case 'owner':
        return { 'x-user': encodeURIComponent(this.userId), 'x-session': this.session };
      case 'again':
        return { 'x-user': encodeURIComponent(this.userId), 'x-session': `${this.session} ${String(this.sessions++)}` };
      case 'stranger':
        return { 'x-user': this.strangerId, 'x-session': this.strangerId };
      case 'nobody':
        return {};
    }
  }

  private remember(body: string): void {
    if (body.startsWith('{"status":"OK","recoveryCodes":')) {
      this.keepCodes(JSON.parse(body).recoveryCodes);
    }
    if (!body.startsWith('{"status":"OK","deviceName":')) return;
    const { deviceName, secret } = JSON.parse(body);
    this.keep(deviceName, secret);
  }

  private keepCodes(codes: readonly string[]): void {
    this.recoveryCodes = codes;
    for (const code of codes) this.records.secrets.add(code);
  }

  private keep(name: string, secret: string): void {
    this.devices.unshift({ name, secret });
    this.records.secrets.add(secret);
  }
}

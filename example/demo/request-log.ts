/** Remembers what the module answered to the last requests of each session, for the demo tools to show. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { type NextFunction, type Request, type Response } from 'express';
import { type RecipeInterface } from 'nestjs-totp';

const REQUESTS_PER_SESSION = 12;
const SESSIONS = 200;
/** In characters, of what was sent and of each answer. */
const LONGEST = 4000;

export interface LoggedRequest {
  method: string;
  path: string;
  /** What was sent, as JSON; empty for nothing. */
  sent: string;
  /** Undefined while the answer is being made. */
  status: number | undefined;
  /** In seconds. */
  retryAfter: string | undefined;
  answers: { from: string; json: string }[];
}

@Injectable()
export class RequestLog {
  private readonly current = new AsyncLocalStorage<(from: string, answer: unknown) => void>();
  private readonly sessions = new Map<string, LoggedRequest[]>();

  /** Newest first. A session sees its own requests only, so it learns nothing that it was not told. */
  ofSession(handle: string | undefined): readonly LoggedRequest[] {
    return handle === undefined ? [] : (this.sessions.get(handle) ?? []);
  }

  /** An Express middleware, which goes after the session's. */
  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    const { handle } = request.session;
    const isApi = request.path.startsWith('/totp/');
    if (handle === undefined || (request.method === 'GET' && !isApi)) {
      next();
      return;
    }
    const entry: LoggedRequest = {
      method: request.method,
      path: request.path,
      sent: '',
      status: undefined,
      retryAfter: undefined,
      answers: [],
    };
    const note = (from: string, answer: unknown) => {
      if (entry.answers.length === 0) {
        entry.sent = readable(request.body);
        this.keep(handle, entry);
      }
      entry.answers.push({ from, json: readable(answer) });
    };
    response.on('finish', () => {
      entry.status = response.statusCode;
      entry.retryAfter = response.get('retry-after');
    });
    if (!isApi) {
      this.current.run(note, next);
      return;
    }
    // The module's own routes answer with what the recipe answered, or with a refusal.
    const { json } = response;
    response.json = (answer: unknown) => {
      note('Answer', answer);
      return json.call(response, answer);
    };
    next();
  };

  /** The recipe, with the functions recorded that check or change something. */
  recorded(original: RecipeInterface): RecipeInterface {
    const record =
      <Input, Answer>(name: string, call: (input: Input) => Promise<Answer>) =>
      async (input: Input): Promise<Answer> => {
        const answer = await call(input);
        this.current.getStore()?.(`TotpService.${name}()`, answer);
        return answer;
      };
    return {
      ...original,
      createDevice: record('createDevice', (input) => original.createDevice(input)),
      updateDevice: record('updateDevice', (input) => original.updateDevice(input)),
      removeDevice: record('removeDevice', (input) => original.removeDevice(input)),
      verifyDevice: record('verifyDevice', (input) => original.verifyDevice(input)),
      verifyTOTP: record('verifyTOTP', (input) => original.verifyTOTP(input)),
      createRecoveryCodes: record('createRecoveryCodes', (input) => original.createRecoveryCodes(input)),
      verifyRecoveryCode: record('verifyRecoveryCode', (input) => original.verifyRecoveryCode(input)),
      forgetTrustedBrowsers: record('forgetTrustedBrowsers', (input) => original.forgetTrustedBrowsers(input)),
    };
  }

  private keep(handle: string, entry: LoggedRequest): void {
    const others = this.sessions.get(handle) ?? [];
    this.sessions.delete(handle);
    this.sessions.set(handle, [entry, ...others].slice(0, REQUESTS_PER_SESSION));
    const [oldest] = this.sessions.keys();
    if (this.sessions.size > SESSIONS && oldest !== undefined) this.sessions.delete(oldest);
  }
}

/** Shown to their owner once, on the page that is for them. */
const HIDDEN = ['password', 'secret', 'qrCodeString', 'qrCodeImage', 'recoveryCode', 'recoveryCodes', 'trustToken'];

function readable(value: unknown): string {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return '';
  const json = JSON.stringify(value, (key, part: unknown) => (HIDDEN.includes(key) ? '(not shown here)' : part), 2);
  return json.length > LONGEST ? `${json.slice(0, LONGEST)} …` : json;
}

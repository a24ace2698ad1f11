/** The attack button: answers with each outcome as it comes, or leads back to the page, which shows them counted. */
import { Body, Controller, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { RequireTotp, TotpGuard } from 'nestjs-totp';
import { formText } from '../pages/form-text.js';
import { SignedInGuard, type SignedInRequest } from '../sessions/signed-in.guard.js';
import { Attacker, type AttackResult, type Outcome } from './attack.js';
import { back } from './back.js';

declare module 'express-session' {
  interface SessionData {
    /** The last attack, in a sentence. */
    attack: string;
  }
}

const STREAM = 'application/x-ndjson';

/** Attacks the account that is signed in, and no other. */
@Controller('demo/attack')
@UseGuards(SignedInGuard, TotpGuard)
@RequireTotp()
export class AttackController {
  constructor(private readonly attacker: Attacker) {}

  @Post()
  @HttpCode(200)
  async attack(@Req() request: SignedInRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const streams = request.accepts(['html', STREAM]) === STREAM;
    const code = formText(body, 'totp');
    const hear = (outcome: Outcome) => {
      if (streams) response.write(`${JSON.stringify({ outcome })}\n`);
    };
    if (streams) response.type(STREAM);
    const userId = request.user.id;
    const result = await (formText(body, 'kind') === 'copies'
      ? this.attacker.copy(userId, code, hear)
      : this.attacker.guess(userId, hear));
    const summary = inWords(result);
    if (streams) {
      response.end(`${JSON.stringify({ summary })}\n`);
      return;
    }
    request.session.attack = summary;
    back(request, response);
  }
}

function inWords({ calls, counts }: AttackResult): string {
  const parts = [
    [counts.accepted, 'accepted'],
    [counts.used, 'refused as used before'],
    [counts.wrong, 'checked and wrong'],
    [counts.refused, 'refused unchecked, because the account is locked'],
    [counts.missing, 'refused, because there is no authenticator'],
  ] as const;
  const happened = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `${calls} calls: ${happened.join(', ')}.`;
}

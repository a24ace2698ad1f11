/** Steps the example's clock ahead, so that nobody has to wait for a lock to end. */
import { Body, Controller, Post, Req, Res } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { formText } from '../pages/form-text.js';
import { back } from './back.js';
import { DemoClock, STEPS } from './demo-clock.js';

@Controller('demo/clock')
export class ClockController {
  constructor(private readonly clock: DemoClock) {}

  @Post()
  step(@Req() request: Request, @Res() response: Response, @Body() body: unknown): void {
    const step = formText(body, 'step');
    if (step === 'reset') this.clock.reset();
    else if (isStep(step)) this.clock.stepAhead(STEPS[step]);
    if (request.accepts(['html', 'json']) === 'json') response.json({ now: this.clock.now() });
    else back(request, response);
  }
}

function isStep(name: string): name is keyof typeof STEPS {
  return Object.hasOwn(STEPS, name);
}

/** Creating an account. */
import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';
import { formText } from './form-text.js';

@Controller('register')
export class RegistrationController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
  ) {}

  @Get()
  async form(@Req() request: Request, @Res() response: Response): Promise<void> {
    if ((await this.users.ofSession(request.session)) === null) response.render('register');
    else response.redirect(303, '/security');
  }

  @Post()
  async register(@Body() body: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const [email, password] = [formText(body, 'email'), formText(body, 'password')];
    const result = await this.users.register(email, password);
    if (result.status === 'INVALID') {
      response.status(422).render('register', { email, errors: result.errors });
      return;
    }
    await this.sessions.begin(request, result.user.id);
    response.redirect(303, '/security');
  }
}

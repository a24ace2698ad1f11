/** Creating an account. */
import { Body, Controller, Get, Post, Render, Req, Res } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { formText } from './form-text.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';

@Controller('register')
export class RegistrationController {
  constructor(
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
  ) {}

  @Get()
  @Render('register')
  form(): object {
    return {};
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

/** The first page: what this is, and a tour of six things to try. */
import { Controller, Get, Req, Res } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { TOUR } from '../demo/tour.js';
import { UsersService } from '../users/users.service.js';

@Controller()
export class HomeController {
  constructor(private readonly users: UsersService) {}

  @Get()
  async page(@Req() request: Request, @Res() response: Response): Promise<void> {
    response.render('home', { user: await this.users.ofSession(request.session), tour: TOUR });
  }
}

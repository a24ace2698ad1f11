/** Lets signed-in people pass and tells who they are: `request.user`, which the module reads too. */
import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { type Request } from 'express';
import { type User } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';

export interface SignedInRequest extends Request {
  user: User;
}

@Injectable()
export class SignedInGuard implements CanActivate {
  constructor(private readonly users: UsersService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<SignedInRequest>();
    const user = await this.users.ofSession(request.session);
    if (user === null) throw new UnauthorizedException({ message: 'unauthorised' });
    request.user = user;
    return true;
  }
}

/** Registers people and checks their passwords. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { hashPassword, isPassword, passwordProblem } from './passwords.js';
import { User } from './user.entity.js';

export type RegisterResult =
  { status: 'OK'; user: User } | { status: 'INVALID'; errors: { email?: string; password?: string } };

export interface PasswordProblem {
  current?: string;
  password?: string;
}

@Injectable()
export class UsersService {
  /** Compared when nobody has the address, so that the time taken does not tell who has an account. */
  private readonly nobodysHash = hashPassword(randomBytes(16).toString('hex'));

  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async register(emailTyped: string, password: string): Promise<RegisterResult> {
    const email = normalised(emailTyped);
    const errors: { email?: string; password?: string } = {};
    if (!/^[^\s@]+@[^\s@]+$/u.test(email) || email.length > 254) {
      errors.email = 'Enter an e-mail address, such as name@example.com.';
    }
    const problem = passwordProblem(password, email);
    if (problem !== undefined) errors.password = problem;
    // An application that can send mail answers the same either way, and tells the owner of the address by mail.
    if (errors.email === undefined && (await this.users.existsBy({ email }))) errors.email = TAKEN;
    if (errors.email !== undefined || errors.password !== undefined) return { status: 'INVALID', errors };

    const user = this.users.create({ id: randomUUID(), email, passwordHash: await hashPassword(password) });
    try {
      await this.users.insert(user);
    } catch (error) {
      if (!(await this.users.existsBy({ email }))) throw error;
      return { status: 'INVALID', errors: { email: TAKEN } };
    }
    return { status: 'OK', user };
  }

  /** The user with this address and password; null when there is none. */
  async authenticate(email: string, password: string): Promise<User | null> {
    const user = await this.users.findOneBy({ email: normalised(email) });
    const matches = await isPassword(password, user?.passwordHash ?? (await this.nobodysHash));
    return matches ? user : null;
  }

  /** Returns what is wrong, in words for the user; undefined when the password is changed. */
  async changePassword(user: User, current: string, password: string): Promise<PasswordProblem | undefined> {
    if (!(await isPassword(current, user.passwordHash))) return { current: 'This is not your current password.' };
    const problem = passwordProblem(password, user.email);
    if (problem !== undefined) return { password: problem };
    await this.users.update({ id: user.id }, { passwordHash: await hashPassword(password) });
    return undefined;
  }

  /** The user who is signed in; null when there is none. */
  async ofSession({ userId }: { userId?: string | undefined }): Promise<User | null> {
    return userId === undefined ? null : this.users.findOneBy({ id: userId });
  }

  findByEmail(email: string): Promise<User | null> {
    return this.users.findOneBy({ email: normalised(email) });
  }

  find(id: string): Promise<User | null> {
    return this.users.findOneBy({ id });
  }
}

const TAKEN = 'There is already an account with this address. Sign in instead.';

function normalised(email: string): string {
  return email.normalize('NFKC').trim().toLowerCase();
}

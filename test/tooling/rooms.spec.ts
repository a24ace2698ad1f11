import { Linter } from 'eslint';
import { rooms } from '../../eslint.rooms.js';

const linter = new Linter({ configType: 'flat', cwd: process.cwd() });

function problems(filename: string, code: string): string[] {
  return linter.verify(code, [{ files: ['**/*.ts'] }, ...rooms], { filename }).map((problem) => problem.message);
}

describe('the import rule of the rooms', () => {
  it.each([
    ['src/accounts/verification.ts', "import { StepMatch } from './enrolment.js';"],
    ['src/otp/codes.ts', "import { TotpAccount } from '../accounts/account.js';"],
    ['src/otp/codes.ts', "import { generateSecret } from 'otplib';"],
    ['src/storage/migrations/first.ts', "import { TotpError } from '../../totp.errors.js';"],
    ['src/totp.service.ts', "import { TotpAccountStore } from './storage/store.js';"],
    ['src/http/totp.controller.ts', "import { TotpService } from '../totp.service.js';"],
    ['src/totp.module.ts', "import { TotpController } from './http/totp.controller.js';"],
    ['src/index.ts', "export { TotpModule } from './totp.module.js';"],
    ['src/testing/index.ts', "import { TotpAccountStore } from '../storage/store.js';"],
    ['src/accounts/verification.spec.ts', "import fc from 'fast-check';"],
  ])('lets %s contain: %s', (filename, code) => {
    expect(problems(filename, code)).toEqual([]);
  });

  it.each([
    ['src/accounts/verification.ts', "import { Injectable } from '@nestjs/common';"],
    ['src/accounts/verification.ts', "import { randomUUID } from 'node:crypto';"],
    ['src/accounts/verification.ts', "import { TotpError } from '../totp.errors.js';"],
    ['src/accounts/verification.ts', "export * from '../otp/codes.js';"],
    ['src/accounts/deep/rules.ts', "import { codes } from '../../otp/codes.js';"],
    ['src/otp/codes.ts', "import { TotpSecretCipher } from '../secrets/cipher.js';"],
    ['src/storage/store.ts', "const { TotpService } = await import('../totp.service.js');"],
    ['src/events/publisher.ts', "import { TotpModule } from '../totp.module.js';"],
    ['src/totp.service.ts', "import { TotpGuard } from './http/totp.guard.js';"],
    ['src/http/totp.controller.ts', "import { TotpAccountStore } from '../storage/store.js';"],
    ['src/import/rows.ts', "import { TotpAccountStore } from '../storage/store.js';"],
    ['src/totp.options.ts', "import { TotpModule } from './totp.module.js';"],
  ])('refuses %s with: %s', (filename, code) => {
    expect(problems(filename, code)).toEqual([expect.stringMatching(/may not import|imports no package/)]);
  });
});

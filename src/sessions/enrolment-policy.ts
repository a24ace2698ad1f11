/** Decides who must have a second factor. */
import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { TOTP_OPTIONS, type TotpConfig } from '../recipe/config.js';
import { TotpConfigurationError } from '../shared/errors.js';
import { kindOf, property } from '../shared/unknown.js';

/** `'required'` from a time on, in epoch ms, which the application fixes once: a user cannot put it off. */
export type EnrolmentRequirement = 'optional' | 'required' | { readonly requiredFrom: number };

export interface EnrolmentPolicyInput {
  readonly userId: string;
  readonly tenantId: string;
  /** The request that `TotpGuard` checks; missing while the user signs in, when `SuperTokensFrontToken` asks. */
  readonly context?: ExecutionContext;
}

/**
 * Decides for each user whether `TotpGuard` lets them pass without a verified device. The default is the option `enrolment`.
 *
 * @example
 * class AdministratorsMust extends TotpEnrolmentPolicy {
 *   override async requirement({ userId }: EnrolmentPolicyInput) {
 *     const user = await this.users.findOneByOrFail({ id: userId });
 *     return user.isAdmin ? 'required' : { requiredFrom: Date.UTC(2027, 2, 1) };
 *   }
 * }
 * TotpModule.forRoot({ …, providers: [{ provide: TotpEnrolmentPolicy, useClass: AdministratorsMust }] });
 */
export abstract class TotpEnrolmentPolicy {
  abstract requirement(input: EnrolmentPolicyInput): EnrolmentRequirement | Promise<EnrolmentRequirement>;
}

/** The option `enrolment`, for every user. */
@Injectable()
export class OptionEnrolmentPolicy extends TotpEnrolmentPolicy {
  constructor(@Inject(TOTP_OPTIONS) private readonly config: TotpConfig) {
    super();
  }

  override requirement(): EnrolmentRequirement {
    return this.config.enrolment;
  }
}

/**
 * Whether a user must have a verified device at `now`.
 *
 * @throws TotpConfigurationError for an answer that a policy cannot give: it must not let everybody pass
 */
export function isRequired(requirement: unknown, now: number): boolean {
  if (requirement === 'required' || requirement === 'optional') return requirement === 'required';
  const requiredFrom = property(requirement, 'requiredFrom');
  if (typeof requiredFrom === 'number' && Number.isFinite(requiredFrom)) return now >= requiredFrom;
  throw new TotpConfigurationError(
    `TotpModule: TotpEnrolmentPolicy.requirement returned ${kindOf(requirement)}. Return 'optional', 'required' or ` +
      '{ requiredFrom: … } with a time in epoch milliseconds.',
  );
}

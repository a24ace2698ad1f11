import 'reflect-metadata';
import { TotpConfigurationError } from '../shared/errors.js';
import { RequireTotp, TOTP_REQUIREMENT, WithoutTotp } from './require-totp.js';

/** As JavaScript may call it. */
const requireTotp = RequireTotp as unknown as (...options: unknown[]) => ClassDecorator;

describe('@RequireTotp', () => {
  it.each([300, 0.5, '5m', '2h'])('takes the maxAge %j', (maxAge) => {
    @requireTotp({ maxAge })
    class Routes {}
    expect(Reflect.getMetadata(TOTP_REQUIREMENT, Routes)).toEqual({ maxAge });
  });

  it('accepts a code of any age without options', () => {
    @RequireTotp()
    class Routes {}
    expect(Reflect.getMetadata(TOTP_REQUIREMENT, Routes)).toEqual({ maxAge: Infinity });
  });

  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-1, '-1'],
    [0, '0'],
    ['0s', '"0s"'],
    ['300', '"300"'],
    ['5 minutes', '"5 minutes"'],
    [true, 'true'],
    [5n, 'a bigint'],
    [{ minutes: 5 }, 'an object'],
    [new Date(0), 'an object (Date)'],
  ])('refuses the maxAge %p while the class is loaded, and says what to write', (maxAge, shown) => {
    expect(() => requireTotp({ maxAge })).toThrow(TotpConfigurationError);
    expect(() => requireTotp({ maxAge })).toThrow(
      `TotpModule: @RequireTotp({ maxAge }) is ${shown}. Write seconds as a number greater than 0, or a string such as '90s'`,
    );
  });

  it.each<[unknown, string]>([
    [{ maxage: 300 }, '@RequireTotp() has no option "maxage". Write maxAge or enrolment, or leave it out.'],
    [null, '@RequireTotp() was called with null.'],
    [300, "@RequireTotp() was called with 300. Write @RequireTotp({ maxAge: '5m' })"],
    ['5m', '@RequireTotp() was called with a string.'],
    [['5m'], '@RequireTotp() was called with an object (Array).'],
  ])('refuses the options %j', (options, message) => {
    expect(() => requireTotp(options)).toThrow(TotpConfigurationError);
    expect(() => requireTotp(options)).toThrow(message);
  });

  it('is refused together with @WithoutTotp on one target, since one of them would be ignored', () => {
    const routes = () => undefined;
    RequireTotp()(routes);
    expect(() => {
      WithoutTotp()(routes);
    }).toThrow('routes has two of @RequireTotp() and @WithoutTotp(). Keep one of them.');
  });
});

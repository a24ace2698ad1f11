/** The security page, and its forms: add, confirm, rename and remove authenticators, and end other sessions. */
import { Body, Controller, Get, Header, HttpCode, Post, Redirect, Req, Res, UseGuards } from '@nestjs/common';
import { type Response } from 'express';
import { RequireTotp, TotpGuard, TotpService } from 'nestjs-totp';
import { named } from '../events/names.js';
import { type Flash } from '../sessions/flash.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import { type TotpRequest, TotpSessionGuard } from '../sessions/totp-session.guard.js';
import { browserRows } from './browser-rows.js';
import { Changes, has } from './changes.js';
import { deviceRows, suggestedName } from './device-rows.js';
import { formText } from './form-text.js';
import { RecoveryCodes } from './recovery-codes.js';
import { SecondStep } from './second-step.js';
import { sessionRows } from './session-rows.js';
import { SignedInPages } from './signed-in-pages.js';
import { renderPart } from './views.js';

@Controller()
@UseGuards(SignedInGuard, TotpGuard, TotpSessionGuard)
@RequireTotp()
export class SecurityController {
  constructor(
    private readonly totp: TotpService,
    private readonly secondStep: SecondStep,
    private readonly changes: Changes,
    private readonly pages: SignedInPages,
    private readonly recoveryCodes: RecoveryCodes,
    private readonly sessions: SessionsService,
  ) {}

  @Get('security')
  async page(@Req() request: TotpRequest, @Res() response: Response): Promise<void> {
    await this.pages.show(request, response, 'security', await this.account(request));
  }

  /** The list alone, for an open page whose list may have changed elsewhere. */
  @Get('security/devices')
  @Header('Content-Type', 'text/html; charset=utf-8')
  async devices(@Req() request: TotpRequest): Promise<string> {
    const { devices } = await this.totp.listDevices({ userId: request.user.id });
    const retryAfterMs = await this.secondStep.remainingWait(request.user.id);
    return renderPart('devices', { devices: deviceRows(devices), retryAfterMs });
  }

  @Post('security/add')
  @HttpCode(200)
  add(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const deviceName = formText(body, 'deviceName').trim();
    const refused = (text: string): Flash => ({ tone: 'bad', form: 'add', entered: deviceName, text });
    return this.changes.make(request, response, body, { action: 'add', fields: { deviceName } }, async (session) => {
      const name = deviceName === '' ? {} : { deviceName };
      const answer = await this.totp.createDevice({ userId: request.user.id, session, ...name });
      switch (answer.status) {
        case 'OK': {
          // This answer is the only one that contains the key, so it is a page and not a redirect.
          const qrCodeImage = await this.totp.qrCodeImage(answer.qrCodeString);
          const retryAfterMs = await this.secondStep.remainingWait(request.user.id);
          const { devices, enrolled } = await this.totp.getStatus({ userId: request.user.id });
          const device = deviceRows(devices).find(({ name }) => name === answer.deviceName);
          await this.pages.show(request, response, 'enrol', {
            ...answer,
            qrCodeImage,
            retryAfterMs,
            device,
            firstOne: !enrolled,
          });
          return undefined;
        }
        case 'DEVICE_ALREADY_EXISTS_ERROR':
          return refused('You have an authenticator with this name. Choose another name.');
        case 'DEVICE_LIMIT_REACHED_ERROR':
          return refused(`You can have up to ${answer.maxDevices} authenticators. Remove one to add another.`);
        case 'UNKNOWN_USER_ID_ERROR':
          return refused('This account no longer exists.');
      }
    });
  }

  @Post('security/confirm')
  @HttpCode(200)
  confirm(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const device = formText(body, 'deviceName');
    const fields = { deviceName: device };
    return this.changes.make(request, response, body, { action: 'confirm', fields }, async (session) => {
      if (has(body, 'code')) {
        // The fresh code was asked for on a page of its own. Codes are not kept meanwhile, so the new app's is asked for again.
        return { tone: 'good', form: 'confirm', device, text: `Now enter the code that ${named(device)} shows.` };
      }
      const outcome = await this.secondStep.confirm(request, device, formText(body, 'totp'));
      switch (outcome.status) {
        case 'accepted':
          // With the first authenticator, its owner needs a way in without it.
          return this.recoveryCodes.showFirst(request, response, session, {
            tone: 'good',
            text: `${named(device)} is ready. From now on, you need its code to sign in.`,
          });
        case 'refused':
          return { tone: 'bad', form: 'confirm', device, text: outcome.text };
        case 'locked':
          return { tone: 'bad', form: 'confirm', device, text: 'Too many wrong codes were entered.' };
        case 'missing':
          return { tone: 'bad', text: `${named(device)} is no longer waiting for a code. Add it again.` };
      }
    });
  }

  @Post('security/rename')
  rename(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const device = formText(body, 'deviceName');
    const newDeviceName = formText(body, 'newDeviceName').trim();
    const fields = { deviceName: device, newDeviceName };
    const refused = (text: string): Flash => ({ tone: 'bad', form: 'rename', device, entered: newDeviceName, text });
    return this.changes.make(request, response, body, { action: 'rename', fields }, async (session) => {
      if (newDeviceName === '') return refused('Enter a name.');
      const names = { existingDeviceName: device, newDeviceName };
      const answer = await this.totp.updateDevice({ userId: request.user.id, session, ...names });
      switch (answer.status) {
        case 'OK':
          return { tone: 'good', text: `${named(device)} is now called ${named(newDeviceName)}.` };
        case 'DEVICE_ALREADY_EXISTS_ERROR':
          return refused('Another authenticator has this name.');
        case 'UNKNOWN_DEVICE_ERROR':
          return { tone: 'bad', text: `${named(device)} is no longer there.` };
      }
    });
  }

  @Post('security/remove')
  remove(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const deviceName = formText(body, 'deviceName');
    return this.changes.make(request, response, body, { action: 'remove', fields: { deviceName } }, async (session) => {
      const { didDeviceExist } = await this.totp.removeDevice({ userId: request.user.id, session, deviceName });
      return { tone: 'good', text: `${named(deviceName)} ${didDeviceExist ? 'was removed' : 'is already gone'}.` };
    });
  }

  /** Ends one of the other sessions, or all of them. It takes no fresh code: it can only help the owner. */
  @Post('security/end')
  async endSessions(@Req() request: TotpRequest, @Res() response: Response, @Body() body: unknown): Promise<void> {
    const handle = formText(body, 'handle');
    const own = request.session.handle;
    if (handle === '') await this.sessions.endOthers(request.user.id, own);
    else if (handle !== own) await this.sessions.endOne(request.user.id, handle);
    const text = handle === '' ? 'You are signed out everywhere else.' : 'The session has ended.';
    await this.sessions.tell(request, { tone: 'good', text });
    response.redirect(303, '/security');
  }

  /** Asks for a fresh code; its form sends the change again, together with the code. */
  @Get('security/verify')
  async stepUp(@Req() request: TotpRequest, @Res() response: Response): Promise<void> {
    // It stays for a reload; the next page that shows messages drops it.
    const { flash } = request.session;
    if (flash?.pending === undefined) {
      response.redirect(303, '/security');
      return;
    }
    const retryAfterMs = await this.secondStep.remainingWait(request.user.id);
    await this.pages.show(request, response, 'step-up', { pending: flash.pending, retryAfterMs }, flash);
  }

  /** A reload of a page that a form answered with. */
  @Get(['security/add', 'security/confirm', 'security/recovery-codes', 'security/forget'])
  @Redirect('/security', 303)
  again(): void {
    // The key or the codes that it showed are shown only once.
  }

  private async account({ user, session }: TotpRequest): Promise<object> {
    const userId = user.id;
    const { devices, enrolled, recoveryCodes } = await this.totp.getStatus({ userId });
    const { browsers } = await this.totp.listTrustedBrowsers({ userId });
    const retryAfterMs = await this.secondStep.remainingWait(userId);
    return {
      devices: deviceRows(devices),
      suggestedName: suggestedName(devices.map(({ name }) => name)),
      confirmed: devices.filter(({ verified }) => verified).length,
      enrolled,
      recoveryCodes,
      browsers: browserRows(browsers),
      sessions: sessionRows(await this.sessions.ofUser(userId), session.handle ?? ''),
      retryAfterMs,
    };
  }
}

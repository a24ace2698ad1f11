/** The routes of the module: the path of each API, below the module's own path. */
import type { APIInterface } from './totp.api.js';

export type ApiName = keyof APIInterface;

export const ROUTES = {
  createDevicePOST: 'device',
  listDevicesGET: 'device/list',
  removeDevicePOST: 'device/remove',
  verifyDevicePOST: 'device/verify',
  updateDevicePOST: 'device/rename',
  verifyTOTPPOST: 'verify',
  createRecoveryCodesPOST: 'recovery-codes',
  recoveryCodesGET: 'recovery-codes',
  verifyRecoveryCodePOST: 'recovery-codes/verify',
  trustedBrowsersGET: 'trusted-browsers',
  forgetTrustedBrowsersPOST: 'trusted-browsers/forget',
} as const satisfies Record<ApiName, string>;

/** Measures `TotpService.createDevice`, and the same with the QR code that the HTTP route adds. */

export async function rows(bench) {
  const totp = await bench.service();
  // Users of their own: a device that was never verified takes the place of the one before.
  const users = Array.from({ length: bench.size.users }, (_, n) => `creator-${n}`);
  const row = { users, expects: 'OK' };
  return [
    bench.throughput({
      ...row,
      name: 'createDevice',
      call: async (userId) => (await totp.createDevice({ userId, onBehalfOf: 'application' })).status,
    }),
    bench.throughput({
      ...row,
      name: 'createDevice with a QR code',
      call: async (userId) => {
        const made = await totp.createDevice({ userId, onBehalfOf: 'application' });
        await totp.qrCodeImage(made.qrCodeString);
        return made.status;
      },
      against: 'createDevice',
    }),
  ];
}

/** Realistic files: what is read of them makes the codes that oathtool makes of the original secrets. */
import { codeOfStep, stepAt } from '../../src/otp/code.js';
import { describeWithOathtool, files, originalCode, ownerOf } from './originals.js';

describe.each(files)('$name', ({ read, originals, refused }) => {
  it('reports the devices that were enrolled, and refuses the others', async () => {
    const found = await read();
    expect(
      found.devices.map((device) => [ownerOf(device), device.algorithm, device.digits, device.period]).sort(),
    ).toEqual(originals.map(([owner, , ...settings]) => [owner, ...settings]).sort());
    expect(found.refused.map(({ source }) => source)).toEqual(refused);
  });

  describeWithOathtool('the codes of what was read', () => {
    it('C7: are those that oathtool makes of the original secrets', async () => {
      const { devices } = await read();
      for (const original of originals) {
        for (const now of [Date.UTC(2026, 0, 1, 12, 34, 56), 20_000_000_000_000]) {
          const code = originalCode(original, now);
          const codes = devices
            .filter((device) => ownerOf(device) === original[0])
            .map((device) => codeOfStep(device.secret, stepAt(now, device.period), device));
          expect(codes).toContain(code);
        }
      }
    });
  });
});

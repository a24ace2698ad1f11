/** What a reader of the command line finds, as a whole. */
import type { ForeignDevice, ForeignDevices, Refusal } from 'nestjs-totp-cli';

export async function collected(pages: AsyncIterable<ForeignDevices>): Promise<ForeignDevices> {
  const devices: ForeignDevice[] = [];
  const refused: Refusal[] = [];
  for await (const page of pages) {
    devices.push(...page.devices);
    refused.push(...page.refused);
  }
  return { devices, refused };
}

/** `nestjs-totp-cli rotate-keys`. */
import type { TotpKeyRotationReport } from 'nestjs-totp';
import { interruption, refuseWrongKeys, type Sources, withApplication } from './application.js';
import { describeKeys } from './keys.js';
import { count, print, progressBar } from './terminal.js';

interface Options extends Sources {
  readonly batchSize: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function rotateKeysCommand({ batchSize, dryRun = false, json, ...sources }: Options): Promise<void> {
  const bar = progressBar('Re-encrypting');
  const report = await withApplication(sources, async ({ keyRotation }) => {
    await refuseWrongKeys(keyRotation);
    return keyRotation
      .run({
        batchSize,
        dryRun,
        signal: interruption(bar),
        onProgress: ({ done, total }) => {
          bar.show(done, total);
        },
      })
      .finally(() => {
        bar.stop();
      });
  });
  print(json === true ? JSON.stringify(report, null, 2) : describe(report, dryRun));
  if (report.failed > 0 || report.keys.some(({ state }) => state === 'missing')) process.exitCode = 1;
  if (report.aborted) process.exitCode = 130;
}

function describe({ total, done, failed, failures, aborted, keys }: TotpKeyRotationReport, dryRun: boolean): string {
  const summary = dryRun
    ? `${count(total, 'user')} to re-encrypt. Nothing was changed.`
    : `${count(done - failed, 'user')} of ${count(total)} re-encrypted.`;
  return [
    aborted ? `${summary} Stopped: run it again for the rest.` : summary,
    ...failures.map(({ userId, reason }) => `  ${userId === '' ? '' : `${JSON.stringify(userId)}: `}${reason}`),
    failed > failures.length ? `  and ${count(failed - failures.length)} more` : [],
    '',
    describeKeys(keys),
  ]
    .flat()
    .join('\n');
}

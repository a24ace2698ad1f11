import { type Page } from 'playwright-core';
import { describeInBrowser } from './browser.js';
import { addAuthenticator, confirm, confirmed, enterCode, eventNames, register, signIn, signOut } from './people.js';
import { useExample } from './use-example.js';

/** However long it takes, the page's time goes on when the test says so. */
async function stopClock(page: Page): Promise<void> {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
}

describeInBrowser('the example: too many wrong codes', () => {
  const example = useExample();

  it('locks after five, counts the wait down, and gives the form back by itself', async () => {
    const { page } = example.ada;
    const { clock } = example.keepsake;
    await stopClock(page);
    const email = await register(page);
    const phone = await addAuthenticator(page, 'Phone');
    await confirmed(page, 'Phone', phone.code(clock.now()));
    await signOut(page);
    await signIn(page, email);

    for (const left of ['4 tries left', '3 tries left', '2 tries left', 'one try left']) {
      await enterCode(page, phone.wrongCode(clock.now()));
      await page.getByText(left).waitFor();
    }
    await enterCode(page, phone.wrongCode(clock.now()));
    const timer = page.getByRole('timer');
    await timer.waitFor();
    expect(await timer.textContent()).toBe('15:00');
    await page.clock.runFor('00:07');
    expect(await timer.textContent()).toBe('14:53');
    expect(await page.getByRole('button', { name: 'Verify' }).isVisible()).toBe(false);

    // The wait is the server's: a fresh page goes on counting, and a right code is refused meanwhile.
    clock.advance(5 * 60);
    await page.reload();
    await timer.waitFor();
    expect(await timer.textContent()).toBe('10:00');

    clock.advance(10 * 60);
    await page.clock.fastForward('10:00');
    await page.getByRole('button', { name: 'Verify' }).waitFor();
    await enterCode(page, phone.code(clock.now()));
    await page.waitForURL('**/security');
    await page.getByText('The lock is over.').waitFor();
    await page.getByText('Locked for 15 minutes').waitFor();
    expect(await eventNames(page)).toEqual(expect.arrayContaining(['totp.user.locked', 'totp.code.rejected']));
  });

  it('waits again when the page thinks that the wait is over and the module does not', async () => {
    const { page } = example.ada;
    const { clock } = example.keepsake;
    await stopClock(page);
    await register(page);
    const phone = await addAuthenticator(page, 'Phone');
    for (const left of ['4 tries left', '3 tries left', '2 tries left', 'one try left']) {
      await confirm(page, phone.wrongCode(clock.now()));
      await page.getByText(left).waitFor();
    }
    const asked = page.waitForResponse('**/code/wait');
    await confirm(page, phone.wrongCode(clock.now()));
    await page.getByRole('timer').waitFor();
    // The event of the lock comes to the page by itself, which then asks how long it is: late, that would start the wait again.
    await (await asked).finished();
    await page.evaluate(async () => (await fetch('/code/wait')).text());
    await page.clock.fastForward('15:01');
    await confirm(page, phone.code(clock.now()));
    await page.getByRole('timer').waitFor();

    clock.advance(15 * 60);
    await page.clock.fastForward('15:01');
    await confirmed(page, 'Phone', phone.code(clock.now()));
  });
});

/** Does what needs a fresh code: when the module refuses, asks for the code in a dialog and tries once more. */
/* global document */
import { post, StepUpNeeded } from './api.js';
import { codeForm } from './code-form.js';

const dialog = document.querySelector('[data-step-up]');
let settle;

const form = codeForm(
  dialog.querySelector('form'),
  (totp) => post('/totp/verify', { totp }),
  () => {
    settle(true);
    dialog.close();
  },
);
for (const button of dialog.querySelectorAll('[data-cancel]')) button.addEventListener('click', () => dialog.close());
dialog.addEventListener('close', () => settle(false));

/** Resolves to what `action` resolves to; to undefined when the person would rather not enter a code. */
export async function withStepUp(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof StepUpNeeded)) throw error;
  }
  form.reset();
  dialog.showModal();
  const entered = await new Promise((resolve) => {
    settle = resolve;
  });
  return entered ? action() : undefined;
}

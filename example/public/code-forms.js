/** Sends the form of a code with its last digit. */
/* global document */
const DIGITS = 6;

export function sendWithLastDigit() {
  document.addEventListener('input', ({ target, inputType }) => {
    // Correcting a code that has too many digits must not send it.
    if (!target.matches?.('[data-code-form] .code') || inputType?.startsWith('delete')) return;
    if (target.value.replaceAll(/[^0-9]/g, '').length === DIGITS) target.form.requestSubmit();
  });
}

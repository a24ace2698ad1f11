/** The second step of signing in. */
/* global document, location */
import { post } from './api.js';
import { codeForm } from './code-form.js';

const page = document.querySelector('[data-code]');

codeForm(
  page.querySelector('form'),
  (totp) => post('/totp/verify', { totp }),
  () => location.assign(page.dataset.next),
);

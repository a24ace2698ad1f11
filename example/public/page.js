/** What scripts add to the pages. Every form works without them. */
/* global document, getSelection, navigator, print */
import { sendWithLastDigit } from './code-forms.js';
import { showDemo } from './demo/demo.js';
import { watchEvents } from './events.js';
import { onNewPage, sendFormsOnce } from './forms.js';
import { countDown, pollLock } from './lock.js';

document.documentElement.dataset.scripts = '';
sendFormsOnce();
sendWithLastDigit();
onNewPage(enhance);
enhance(true);

document.addEventListener('click', ({ target }) => {
  const button = target.closest('button');
  if (button?.dataset.reveal !== undefined) reveal(button);
  if (button?.dataset.copy !== undefined) copy(button);
  if (button?.dataset.print !== undefined) print();
  if (button?.dataset.nextStep !== undefined) nextStep(button.closest('.step'));
  if (button?.dataset.close !== undefined) close(button.closest('details'));
});

document.addEventListener('keydown', ({ key, target }) => {
  if (key === 'Escape') close(target.closest('details[open]'));
});

/** Starts what the page in the document needs. `isWhole`: not only one of its forms is new. */
function enhance(isWhole) {
  const added = '[data-reveal], [data-copy], [data-close], [data-print], [data-next-step]';
  for (const button of document.querySelectorAll(added)) button.hidden = false;
  countDown();
  pollLock();
  watchEvents();
  showDemo(isWhole);
}

function reveal(button) {
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === 'text';
  input.type = shown ? 'password' : 'text';
  button.textContent = shown ? 'Show' : 'Hide';
  button.ariaPressed = String(!shown);
}

function nextStep(step) {
  const next = step.nextElementSibling;
  step.open = false;
  next.open = true;
  next.querySelector('input:not([type=hidden])')?.focus();
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  const copied = await navigator.clipboard?.writeText(source.innerText).then(
    () => true,
    () => false,
  );
  // Browsers give pages the clipboard only over HTTPS and on localhost.
  if (!copied) getSelection().selectAllChildren(source);
  document.querySelector('[data-copied]').textContent = copied
    ? 'Copied.'
    : 'Your browser did not allow copying. The text is selected: copy it by hand.';
}

function close(details) {
  if (!details) return;
  details.open = false;
  details.querySelector('summary').focus();
}

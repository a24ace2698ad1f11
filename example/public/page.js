/** What scripts add to the pages. Every form works without them. */
/* global document, getSelection, navigator, print */
import { watchEvents } from './events.js';
import { onNewPage, sendFormsOnce } from './forms.js';
import { countDown, pollLock } from './lock.js';

sendFormsOnce();
onNewPage(enhance);
enhance();

document.addEventListener('click', ({ target }) => {
  const button = target.closest('button');
  if (button?.dataset.reveal !== undefined) reveal(button);
  if (button?.dataset.copy !== undefined) copy(button);
  if (button?.dataset.print !== undefined) print();
  if (button?.dataset.close !== undefined) close(button.closest('details'));
});

document.addEventListener('keydown', ({ key, target }) => {
  if (key === 'Escape') close(target.closest('details[open]'));
});

/** Starts what the page in the document needs. */
function enhance() {
  for (const button of document.querySelectorAll('[data-reveal], [data-copy], [data-close], [data-print]'))
    button.hidden = false;
  countDown();
  pollLock();
  watchEvents();
}

function reveal(button) {
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === 'text';
  input.type = shown ? 'password' : 'text';
  button.textContent = shown ? 'Show' : 'Hide';
  button.ariaPressed = String(!shown);
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

/**
 * Sends each form once, however often its button is clicked.
 *
 * A form with `data-stay` is sent without leaving the page. If the server's answer has the same form with `data-failed`, only
 * the form is replaced, so that a mistake loses neither the key on the page nor what was typed. Otherwise the answer
 * becomes the page.
 */
/* global document, DOMParser, FormData, history, setTimeout, URLSearchParams, window */
let showNewPage = () => undefined;

/** @param action what to do when another page, or only the form again, has been put into the document; called with whether it is a page */
export function onNewPage(action) {
  showNewPage = action;
}

export function sendFormsOnce() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    // Sent in another way: see `demo/`.
    if (event.defaultPrevented) return;
    const stays = form.dataset.stay !== undefined;
    if (stays || form.ariaBusy === 'true') event.preventDefault();
    if (form.ariaBusy === 'true') return;
    form.ariaBusy = 'true';
    if (stays) send(form);
  });
  // The Back button can show a page as it was left.
  window.addEventListener('pageshow', () => {
    for (const form of document.forms) form.ariaBusy = null;
  });
}

async function send(form) {
  try {
    const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    if (response.status >= 500) complain(form, 'Something went wrong on our side. Try again in a moment.');
    else take(form, response.url, new DOMParser().parseFromString(await response.text(), 'text/html'));
  } catch {
    complain(form, 'The server cannot be reached. Check your connection and try again.');
  } finally {
    form.ariaBusy = null;
  }
}

function take(form, url, answer) {
  const again = answer.getElementById(form.id);
  if (again?.dataset.failed !== undefined) {
    for (const input of again.querySelectorAll('input:not(.code)')) {
      if (input.value === '') input.value = form.elements.namedItem(input.name)?.value ?? '';
    }
    form.replaceWith(again);
  } else {
    document.title = answer.title;
    document.body.replaceWith(answer.body);
    history.replaceState(null, '', url);
  }
  showNewPage(again?.dataset.failed === undefined);
  const place = again?.dataset.failed === undefined ? document : again;
  const wanted = place.querySelector('[aria-invalid="true"]') ?? place.querySelector('[autofocus]');
  wanted?.focus();
  wanted?.scrollIntoView({ block: 'nearest' });
}

/** Says what went wrong, in place of what the form said before. */
function complain(form, message) {
  for (const place of form.querySelectorAll('[data-error]')) place.textContent = '';
  const place = form.querySelector('[data-error]');
  const input = form.querySelector('.code, [type=password]');
  // A message that is already there would not be read out again.
  setTimeout(() => (place.textContent = message));
  input?.focus();
  place.scrollIntoView({ block: 'nearest' });
}

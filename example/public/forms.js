/**
 * Sends the register and sign-in forms without leaving the page, so that a mistake loses nothing that was typed.
 * The server answers with the page that it shows without JavaScript: the messages are taken out of it.
 */
/* global document, DOMParser, FormData, location, URLSearchParams */
for (const form of document.querySelectorAll('[data-form]')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(form, event.submitter);
  });
}

for (const button of document.querySelectorAll('[data-reveal]')) {
  const input = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener('click', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    button.textContent = shown ? 'Show' : 'Hide';
    button.ariaPressed = String(!shown);
  });
}

async function send(form, button) {
  if (button.ariaBusy === 'true') return;
  button.ariaBusy = 'true';
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: 'text/html' },
    });
    if (response.redirected) {
      location.assign(response.url);
      return;
    }
    showErrors(form, new DOMParser().parseFromString(await response.text(), 'text/html'));
  } catch {
    form.querySelector('[data-error="form"]').textContent =
      'The server cannot be reached. Check the connection and try again.';
  } finally {
    button.ariaBusy = null;
  }
}

function showErrors(form, answer) {
  let first;
  for (const place of form.querySelectorAll('[data-error]')) {
    const input = form.elements.namedItem(place.dataset.error);
    const message = answer.querySelector(`[data-error="${place.dataset.error}"]`)?.textContent.trim() ?? '';
    place.textContent = message;
    if (input === null) continue;
    input.ariaInvalid = message === '' ? null : 'true';
    if (message !== '') first ??= input;
  }
  const unknown = answer.querySelector('[data-error]') === null;
  if (unknown) form.querySelector('[data-error="form"]').textContent = 'That did not work. Try again in a moment.';
  (first ?? form.elements.namedItem('password')).focus();
}

/** A form that takes a code: says how many tries are left, counts a lock's wait down, and comes back by itself. */
/* global clearInterval, document, setInterval */
import { get, Problem } from './api.js';

/**
 * @param form the form of views/code-form.eta
 * @param check sends the code to the module and resolves to its answer; to undefined when that was called off
 * @param accepted called with the answer when the code was right
 */
export function codeForm(form, check, accepted) {
  const input = form.querySelector('input');
  const entry = form.querySelector('[data-entry]');
  const locked = form.querySelector('[data-locked]');
  const countdown = form.querySelector('[data-countdown]');
  const announcement = form.querySelector('[data-announce]');
  const button = form.querySelector('button');
  let timer;

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.ariaBusy === 'true') return;
    if (!/^(\s*[0-9]){6}\s*$/.test(input.value)) {
      refuse('Enter the six digits that your authenticator app shows.');
      return;
    }
    button.ariaBusy = 'true';
    try {
      const answer = await check(input.value);
      if (answer !== undefined) await take(answer);
    } catch (error) {
      if (error instanceof Problem) refuse(error.message);
      else throw error;
    } finally {
      button.ariaBusy = null;
    }
  });

  async function take(answer) {
    switch (answer.status) {
      case 'OK':
        reset();
        await accepted(answer);
        return;
      case 'INVALID_TOTP_ERROR': {
        const left = answer.maxNumberOfFailedAttempts - answer.currentNumberOfFailedAttempts;
        if (left <= 0) return lock((await get('/code/wait')).retryAfterMs);
        input.value = '';
        refuse(
          `This code is wrong, or was used before. ${left === 1 ? 'One try is left.' : `${left} tries are left.`}`,
        );
        return;
      }
      case 'LIMIT_REACHED_ERROR':
        lock(answer.retryAfterMs);
        return;
      case 'UNKNOWN_DEVICE_ERROR':
        refuse('This authenticator is no longer waiting for a code. Add it again.');
        return;
      default:
        refuse('There is no authenticator to check the code against.');
    }
  }

  function refuse(message) {
    form.querySelector('[data-code-error]').textContent = message;
    input.ariaInvalid = 'true';
    input.focus();
  }

  function lock(forMs) {
    const until = Date.now() + forMs;
    const hadFocus = form.contains(document.activeElement);
    clearInterval(timer);
    form.querySelector('[data-code-error]').textContent = '';
    input.value = '';
    input.ariaInvalid = null;
    entry.hidden = true;
    locked.hidden = false;
    if (hadFocus) locked.querySelector('button')?.focus();
    announcement.textContent = `Too many wrong codes. You can try again in ${inWords(until - Date.now())}.`;
    tick();
    timer = setInterval(tick, 250);

    function tick() {
      const left = until - Date.now();
      countdown.textContent = onClock(Math.max(0, left));
      if (left > 0) return;
      clearInterval(timer);
      const inForm = form.contains(document.activeElement);
      entry.hidden = false;
      locked.hidden = true;
      announcement.textContent = 'You can enter a code again.';
      if (inForm || document.activeElement === document.body) input.focus();
    }
  }

  function reset() {
    clearInterval(timer);
    form.reset();
    form.querySelector('[data-code-error]').textContent = '';
    announcement.textContent = '';
    input.ariaInvalid = null;
    entry.hidden = false;
    locked.hidden = true;
  }

  const waitAtFirst = Number(form.dataset.retryAfterMs);
  if (waitAtFirst > 0) lock(waitAtFirst);
  return { reset };
}

/** `4:59`, or `23:04:59`. */
function onClock(ms) {
  const seconds = Math.ceil(ms / 1000);
  const two = (n) => String(n).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

function inWords(ms) {
  const minutes = Math.ceil(ms / 60_000);
  return minutes < 120
    ? `about ${minutes} minute${minutes === 1 ? '' : 's'}`
    : `about ${Math.round(minutes / 60)} hours`;
}

/** Ticks off the stops of the tour. What was done is kept in this browser only. */
/* global document, localStorage */

const STORED = 'keepsake-tour';

let done = new Set(JSON.parse(localStorage.getItem(STORED) ?? '[]'));

/** Ticks the stop that the event belongs to. */
export function markTour(event) {
  const stop = stops().find(({ dataset }) => dataset.tourEvents.split(' ').includes(event));
  if (stop === undefined || done.has(stop.dataset.tourStop)) return;
  done.add(stop.dataset.tourStop);
  save();
}

document.addEventListener('account-event', ({ target }) => markTourOf(target));

/** For an entry in the list of events. What an attacker did has no session, and ticks nothing. */
function markTourOf(entry) {
  const { name, sessionHandle } = JSON.parse(entry.querySelector('pre').textContent);
  if (sessionHandle !== undefined) markTour(name);
}

export function showTour() {
  for (const entry of document.querySelectorAll('[data-event]')) markTourOf(entry);
  for (const { dataset } of document.querySelectorAll('[data-tour-event]')) markTour(dataset.tourEvent);
  draw();
}

document.addEventListener('click', ({ target }) => {
  if (target.closest('[data-tour-again]') === null) return;
  done = new Set();
  save();
});

function save() {
  localStorage.setItem(STORED, JSON.stringify([...done]));
  draw();
}

function stops() {
  return [...document.querySelectorAll('[data-tour-stop]')];
}

function draw() {
  const all = stops();
  if (all.length === 0) return;
  const isDone = ({ dataset }) => done.has(dataset.tourStop);
  for (const stop of all) {
    stop.classList.toggle('tour-stop-done', isDone(stop));
    const note = stop.querySelector('[data-tour-done]');
    if (note !== null) note.hidden = !isDone(stop);
  }
  const count = all.filter(isDone).length;
  for (const place of document.querySelectorAll('[data-tour-count]')) {
    place.textContent = `${count} of ${all.length} done`;
  }
  const again = document.querySelector('[data-tour-again]');
  if (again !== null) again.hidden = count === 0;
  const next = document.querySelector('[data-tour-next]');
  if (next === null) return;
  const stop = all.find((one) => !isDone(one));
  next.hidden = false;
  next.querySelector('[data-tour-title]').textContent = stop?.dataset.title ?? 'You have seen everything.';
  next.querySelector('[data-tour-how]').textContent = stop?.dataset.how ?? '';
}

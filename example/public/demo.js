/** Starts the demo tools of the page; an application has none of this. */
/* global document, sessionStorage */
import './attack.js';
import { readClock } from './demo-clock.js';
import { showPhone } from './phone.js';
import { refreshRequests, showConsole } from './requests.js';
import { showTour } from './tour.js';

const CLOSED = 'keepsake-tools';

/** @param isWhole whether the page is a new one, rather than one whose form was replaced */
export function showDemo(isWhole) {
  if (isWhole) readClock();
  else refreshRequests();
  showPhone();
  showConsole();
  showTour();
  restoreTools();
}

/** Tools stay as open as they were left. */
function restoreTools() {
  const states = JSON.parse(sessionStorage.getItem(CLOSED) ?? '{}');
  for (const tool of document.querySelectorAll('.tool')) {
    if (tool.id in states) tool.open = states[tool.id];
    if (tool.dataset.watched !== undefined) continue;
    tool.dataset.watched = '';
    tool.addEventListener('toggle', () => {
      const others = JSON.parse(sessionStorage.getItem(CLOSED) ?? '{}');
      sessionStorage.setItem(CLOSED, JSON.stringify({ ...others, [tool.id]: tool.open }));
    });
  }
}

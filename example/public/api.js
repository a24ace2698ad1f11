/** Calls the module's JSON routes and the example's own: what comes back is an answer, or a Problem that a person can read. */
/* global location */

/** A message to show. */
export class Problem extends Error {}

/** The module wants a fresh code before it does this: 403 with the claim that is missing. */
export class StepUpNeeded extends Error {}

export function get(path) {
  return ask(path, { method: 'GET' });
}

export function post(path, body) {
  return ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
}

async function ask(path, request) {
  const response = await fetch(path, { ...request, headers: { ...request.headers, Accept: 'application/json' } }).catch(
    () => {
      throw new Problem('The server cannot be reached. Check the connection and try again.');
    },
  );
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
    throw new Problem('You are signed out.');
  }
  if (response.status === 403 && answer.claimValidationErrors !== undefined) throw new StepUpNeeded();
  if (!response.ok) throw new Problem(answer.message ?? 'That did not work. Try again in a moment.');
  if (answer.status === 'GENERAL_ERROR') throw new Problem(answer.message);
  return answer;
}

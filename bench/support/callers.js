/** Callers: loops that call for one user after the other, side by side, until the time is over or every user had a turn. */
import { performance } from 'node:perf_hooks';
import { quantileSorted } from 'simple-statistics';

/**
 * @param {object} work
 * @param {readonly string[]} work.users each is called for once
 * @param {number} work.callers how many calls are under way at a time
 * @param {number} work.seconds
 * @param {(user: string) => Promise<string>} work.call returns the status of the answer
 * @param {string} work.expects the status that every answer must have: an error would be quick, and worth nothing
 */
export async function callForEach({ users, callers, seconds, call, expects }) {
  const latencies = [];
  let next = 0;
  const cpuBefore = cpuTime();
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1000;
  const caller = async () => {
    while (next < users.length && performance.now() < endAt) {
      const user = users[next++];
      const calledAt = performance.now();
      const status = await call(user);
      latencies.push(performance.now() - calledAt);
      if (status !== expects) throw new Error(`A call for ${user} was answered ${status} instead of ${expects}`);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { latencies, milliseconds: performance.now() - startedAt, cpuTime: cpuTime() - cpuBefore };
}

/** What this process has spent on the processor, in µs. */
export function cpuTime() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** One result of those that came one after the other. */
export function inSequence(results) {
  const sum = (field) => results.reduce((total, result) => total + result[field], 0);
  return {
    latencies: results.flatMap(({ latencies }) => latencies),
    milliseconds: sum('milliseconds'),
    cpuTime: sum('cpuTime'),
  };
}

/** The result of one round, or of several processes' same round. */
export function sampleOf(results) {
  const latencies = results.flatMap((result) => result.latencies).sort((a, b) => a - b);
  const perSecond = results.map((result) => (result.latencies.length / result.milliseconds) * 1000);
  return {
    value: perSecond.reduce((sum, rate) => sum + rate, 0),
    p50: quantileSorted(latencies, 0.5),
    p99: quantileSorted(latencies, 0.99),
    cpu: results.reduce((sum, result) => sum + result.cpuTime, 0) / latencies.length,
  };
}

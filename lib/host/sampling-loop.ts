/** The life of the thread that samples: it sleeps, takes a sample, posts it, and does what it is told. */
import type { MessagePort } from 'node:worker_threads';
import type { Sampler } from './sampler.js';
import type { SamplerRequest } from './sampling.js';

/**
 * Milliseconds from one sample to the next when exec was announced, which closes files and unmaps all. A task that moved
 * itself is about to call it, too.
 */
const AROUND_EXEC = [4, 12, 36];

/** Near a limit the interval is this part of it. */
const HURRY = 1 / 10;

/**
 * Samples until it is told to end. Takes `SamplerRequest`s from all ports, posts `Sample`s to the first of them, and
 * closes them at the end.
 *
 * @param interval milliseconds between the end of a sample and the next
 * @param onSample is told, after each sample, how many requests of the first port it was taken after
 * @param announced how many requests of the first port are there, or will be at once
 */
export function sampleOn(
  ports: readonly [MessagePort, ...MessagePort[]],
  sampler: Sampler,
  interval: number,
  onSample: (requests: number) => void,
  announced: () => number,
): void {
  let timer: NodeJS.Timeout | undefined;
  let isDue = false;
  let requests = 0;
  let soon: number[] = [];

  function take(): void {
    clearTimeout(timer);
    isDue = false;
    const sample = sampler.sample(() => announced() > requests);
    // The request that comes now has one taken.
    if (!sample) {
      timer = setTimeout(take, interval);
      return;
    }
    ports[0].postMessage(sample);
    onSample(requests);
    if (sampler.isIdle && soon.length === 0) return;
    const next = sampler.isNear ? interval * HURRY : interval;
    timer = setTimeout(take, Math.min(soon.shift() ?? next, next));
  }

  const handle = (request: SamplerRequest): void => {
    const isWanted = sampler.handle(request);
    if (request.kind === 'end') {
      clearTimeout(timer);
      for (const port of ports) port.close();
      return;
    }
    if (request.kind === 'moved' || request.kind === 'exec') soon = [...AROUND_EXEC];
    if (!isWanted || isDue) return;
    // Requests that came together are answered by one sample.
    isDue = true;
    clearTimeout(timer);
    timer = setTimeout(take, 1);
  };
  ports[0].on('message', () => {
    requests += 1;
  });
  for (const port of ports) port.on('message', handle);
  timer = setTimeout(take, interval);
}

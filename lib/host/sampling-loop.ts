/** The life of the thread that samples: it sleeps, takes a sample, posts it, and does what it is told. */
import type { MessagePort } from 'node:worker_threads';
import type { Sampler } from './sampler.js';
import type { SamplerRequest } from './sampling.js';

/** Near a limit the interval is this part of it. */
const HURRY = 1 / 10;

/**
 * Samples until it is told to end. Takes `SamplerRequest`s from the port, posts `Sample`s to it, closes it at the end.
 *
 * @param interval milliseconds between the end of a sample and the next
 */
export function sampleOn(port: MessagePort, sampler: Sampler, interval: number): void {
  let timer: NodeJS.Timeout | undefined;
  let isDue = false;

  function take(): void {
    clearTimeout(timer);
    isDue = false;
    port.postMessage(sampler.sample());
    timer = setTimeout(take, sampler.isNear ? interval * HURRY : interval);
  }

  port.on('message', (request: SamplerRequest) => {
    const isWanted = sampler.handle(request);
    if (request.kind === 'end') {
      clearTimeout(timer);
      port.close();
      return;
    }
    if (!isWanted || isDue) return;
    // Requests that came together are answered by one sample.
    isDue = true;
    clearTimeout(timer);
    timer = setTimeout(take, 1);
  });
  timer = setTimeout(take, interval);
}

import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import t, { type Test } from 'tap';
import type { Sampler } from '../../lib/host/sampler.js';
import { sampleOn } from '../../lib/host/sampling-loop.js';
import type { Sample, SamplerRequest } from '../../lib/host/sampling.js';
import { until } from '../fixtures/mounted.js';

/** Longer than any test. */
const NEVER = 600_000;

const moved: SamplerRequest = {
  kind: 'moved',
  pid: 5,
  from: 1,
  to: 2,
  before: { start: '7', files: [], addressSpace: '1 2 3', privvmpages: 0 },
};

/** The loop over a sampler that counts. */
function loop(
  t: Test,
  interval: number,
  { isNear = false, isIdle = false, announced = (): number => 0 } = {},
) {
  const seen: SamplerRequest['kind'][] = [];
  const after: number[] = [];
  const sample: Sample = { kind: 'sample', readings: [], members: undefined, cost: 0 };
  let samples = 0;
  let late = 0;
  const sampler = {
    isNear,
    isIdle,
    handle({ kind }: SamplerRequest) {
      seen.push(kind);
      return kind !== 'end' && kind !== 'gone';
    },
    sample(isLate: () => boolean) {
      if (isLate()) {
        late += 1;
        return undefined;
      }
      samples += 1;
      return sample;
    },
  };
  const channels = [new MessageChannel(), new MessageChannel()] as const;
  const received: unknown[] = [];
  channels[0].port1.on('message', (message) => received.push(message));
  const [first, second] = channels;
  const ports = [first.port2, second.port2] as const;
  sampleOn([...ports], sampler as unknown as Sampler, interval, (n) => after.push(n), announced);
  const end = async (port: MessagePort = first.port1) => {
    const closed = Promise.all(channels.map(({ port1 }) => once(port1, 'close')));
    port.postMessage({ kind: 'end' });
    await closed;
  };
  t.teardown(() => {
    for (const { port1 } of channels) port1.close();
  });
  return {
    first: first.port1,
    second: second.port1,
    seen,
    after,
    received,
    taken: () => samples,
    late: () => late,
    end,
  };
}

t.test(
  'requests that come together are answered by one sample, which tells how many they were',
  async (t) => {
    const { first, seen, after, received, taken, end } = loop(t, NEVER);
    for (let i = 0; i < 3; i += 1) first.postMessage({ kind: 'sample' });
    await until('the sample is posted', () => received.length === 1);
    t.equal(taken(), 1);
    t.same(seen, ['sample', 'sample', 'sample']);
    t.same(after, [3]);
    await end();
  },
);

t.test('requests of another port are answered on the first, and not counted', async (t) => {
  const { second, after, received, end } = loop(t, NEVER);
  second.postMessage({ kind: 'sample' });
  await until('the sample is posted', () => received.length === 1);
  t.same(after, [0]);
  await end(second);
});

t.test('a request that wants no sample gets none', async (t) => {
  const { first, seen, taken, end } = loop(t, NEVER);
  first.postMessage({ kind: 'gone', id: 1 });
  await end();
  t.same(seen, ['gone', 'end']);
  t.equal(taken(), 0);
});

t.test('without a request a sample is taken at each interval', async (t) => {
  const { after, taken, end } = loop(t, 5);
  await until('it has sampled', () => taken() >= 3);
  t.ok(after.every((requests) => requests === 0));
  await end();
  const last = taken();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(taken(), last, 'none after the end');
});

t.test('near a limit the next sample comes in a part of the interval', async (t) => {
  const { first, taken, end } = loop(t, NEVER / 10_000, { isNear: true });
  const begin = Date.now();
  first.postMessage({ kind: 'sample' });
  // At the interval itself, a minute's thousandth, these would take as many intervals.
  await until('it has sampled', () => taken() >= 40);
  t.ok(Date.now() - begin < (40 * NEVER) / 10_000, 'sooner than at each interval');
  await end();
});

for (const request of [moved, { kind: 'exec', pid: 5, addressSpace: undefined }]) {
  t.test(
    `after ${request.kind} three more samples are taken, and then none before the interval`,
    async (t) => {
      const { first, taken, end } = loop(t, NEVER);
      first.postMessage(request);
      await until('four were taken', () => taken() === 4);
      await new Promise((resolve) => setTimeout(resolve, 100));
      t.equal(taken(), 4);
      await end();
    },
  );
}

t.test('where there is nothing to sample it waits to be asked', async (t) => {
  const { first, taken, end } = loop(t, 5, { isIdle: true });
  await until('it has looked once', () => taken() === 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(taken(), 1);
  first.postMessage({ kind: 'sample' });
  await until('it has looked again', () => taken() === 2);
  first.postMessage(moved);
  await until('it has looked as after each move', () => taken() === 6);
  await end();
});

t.test('what was sampled while a request was announced is not posted', async (t) => {
  const { first, received, after, late, end } = loop(t, 5, { announced: () => 1 });
  await until('it has tried again', () => late() >= 3);
  t.same(after, []);
  first.postMessage({ kind: 'sample' });
  await until('a sample is posted', () => received.length > 0);
  t.equal(after[0], 1);
  await end();
});

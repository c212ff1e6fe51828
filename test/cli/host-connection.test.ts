import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { answerEach, answerQuestions, HostConnection, tellEvent } from '../../lib/cli/host-connection.js';
import { BcfsError } from '../../lib/errors.js';
import type { HostEvent, HostRequest } from '../../lib/host/report.js';

const event = (value: number): HostEvent => {
  return { time: 1, beancounter: 1, resource: 'numtasks', event: 'refused', value };
};

/** A host that knows where the tasks are whose pids are below 100. */
function answer(request: HostRequest): unknown {
  if (request.ask !== 'which') return { is: request.ask };
  if (request.pid === 13) throw new RangeError('a mistake');
  if (request.pid >= 100) throw new BcfsError('ESRCH', `no task ${request.pid}`);
  return request.pid + 1;
}

/** @param serve how the other side answers; what it returns is called for each question */
function connected(t: Test, serve: (port: MessagePort) => () => void) {
  const { port1, port2 } = new MessageChannel();
  const events: HostEvent[] = [];
  const told: { event: () => void } = { event: () => undefined };
  const connection = new HostConnection(port1, serve(port2), (event) => {
    events.push(event);
    told.event();
  });
  const nextEvent = () => new Promise<void>((resolve) => (told.event = resolve));
  t.teardown(() => port1.close());
  // Neither side keeps a process: the test does.
  const timer = setInterval(() => undefined, 1000);
  t.teardown(() => clearInterval(timer));
  return { connection, events, nextEvent, host: port2 };
}

const ways: Readonly<Record<string, (port: MessagePort) => () => void>> = {
  'woken for each question': (port) => () => answerQuestions(port, answer),
  'with an event loop': (port) => {
    answerEach(port, answer);
    return () => undefined;
  },
  'woken later for all of them': (port) => () =>
    void setTimeout(() => {
      answerQuestions(port, answer);
    }, 20),
};

for (const [way, serve] of Object.entries(ways)) {
  t.test(`a host ${way} answers and refuses, each question for itself`, async (t) => {
    const { connection } = connected(t, serve);
    t.strictSame(await connection.ask({ ask: 'status' }), { is: 'status' });
    const pids = [1, 100, 2, 13, 3];
    const settled = await Promise.allSettled(pids.map((pid) => connection.ask({ ask: 'which', pid })));
    t.match(settled, [
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: { code: 'ESRCH', message: 'no task 100' } },
      { status: 'fulfilled', value: 3 },
      { status: 'rejected', reason: { code: 'EIO', message: /a mistake/ } },
      { status: 'fulfilled', value: 4 },
    ]);
    for (const one of settled) if (one.status === 'rejected') t.ok(one.reason instanceof BcfsError);
  });

  t.test(`events of a host ${way} come in their order, between answers too`, async (t) => {
    const { connection, events, nextEvent, host } = connected(t, serve);
    const first = nextEvent();
    tellEvent(host, event(1));
    await first;
    tellEvent(host, event(2));
    t.equal(await connection.ask({ ask: 'which', pid: 5 }), 6);
    t.strictSame(events, [event(1), event(2)]);
  });
}

t.test('answers may come in another order, and to nobody', async (t) => {
  const questions: { number: number }[] = [];
  const { connection, host } = connected(t, (port) => {
    port.on('message', (question: { number: number }) => questions.push(question));
    return () => undefined;
  });
  const asked = [1, 2].map((pid) => connection.ask({ ask: 'which', pid }));
  while (questions.length < 2) await once(host, 'message');
  host.postMessage({ number: 99, answer: 'to nobody' });
  host.postMessage({ number: 99, code: 'EIO', message: 'to nobody' });
  for (const { number } of questions.toReversed()) host.postMessage({ number, answer: `of ${number}` });
  t.strictSame(await Promise.all(asked), ['of 0', 'of 1']);
});

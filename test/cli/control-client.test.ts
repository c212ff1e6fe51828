import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import type { Test } from 'tap';
import t from 'tap';
import { BcfsError } from '../../lib/errors.js';
import type { HostEvent } from '../../lib/host/report.js';
import { ask, events } from '../../lib/cli/control-client.js';
import { served, socketDirectory, staleSocket, status } from '../fixtures/control.js';

const event: HostEvent = { time: 1, beancounter: 5, resource: 'numtasks', event: 'refused', value: 3 };

/** Milliseconds: for what never comes. */
const SHORT = 50;

/** A server that does something odd with each client. */
async function odd(t: Test, path: string, welcome: (socket: Socket) => void): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    welcome(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

t.test('a daemon is asked and answers', async (t) => {
  const path = `${await socketDirectory(t)}/s`;
  const processes = Array.from({ length: 20_000 }, (_, pid) => ({
    pid,
    threads: 1,
    beancounter: 5,
    command: 'sleep ☃',
  }));
  await served(t, path, ({ ask }) => Promise.resolve(ask === 'ps' ? processes : status));
  t.strictSame(await ask(path, { ask: 'status' }), status);
  t.strictSame(await ask(path, { ask: 'ps' }), processes, 'at any length');
});

t.test('what a daemon refuses has its code, and is no error of the command', async (t) => {
  const path = `${await socketDirectory(t)}/s`;
  await served(t, path, () => Promise.reject(new BcfsError('ESRCH', 'no task 7')));
  await t.rejects(ask(path, { ask: 'which', pid: 7 }), {
    name: 'Error',
    code: 'ESRCH',
    message: 'no task 7',
  });
});

t.test('where no daemon answers, that is said', async (t) => {
  const path = `${await socketDirectory(t)}/s`;
  const absent = {
    code: 'ENOTCONN',
    message: `${path}: no daemon answers; it was killed, or has no control socket`,
  };
  await t.rejects(ask(path, { ask: 'status' }), absent, 'no socket');
  await t.rejects(events(path).next(), absent);
  t.equal(spawnSync(process.execPath, ['-e', staleSocket(path)]).signal, 'SIGKILL');
  await t.rejects(ask(path, { ask: 'status' }), absent, 'a stale one');
  await t.rejects(events(path).next(), absent);
});

t.test('a daemon that hangs is not waited for', async (t) => {
  const path = `${await socketDirectory(t)}/s`;
  await odd(t, path, () => undefined);
  const silent = { code: 'ETIMEDOUT', message: `${path}: the daemon does not answer` };
  await t.rejects(ask(path, { ask: 'status' }, SHORT), silent);
  await t.rejects(events(path, SHORT).next(), silent);
});

t.test('a daemon that goes before it has answered is noticed', async (t) => {
  const directory = await socketDirectory(t);
  const gone = (path: string) => ({
    code: 'ECONNRESET',
    message: `${path}: the daemon was killed, or has let go of a client that did not read as fast as it wrote`,
  });
  const ends: [name: string, welcome: (socket: Socket) => void][] = [
    ['end', (socket) => socket.once('data', () => socket.end())],
    ['destroy', (socket) => socket.once('data', () => socket.destroy())],
    ['unread', (socket) => socket.destroy()],
    ['half', (socket) => socket.once('data', () => socket.end('{"answer":'))],
  ];
  for (const [name, welcome] of ends) {
    const path = `${directory}/${name}`;
    await odd(t, path, welcome);
    await t.rejects(ask(path, { ask: 'status' }), gone(path), name);
    await t.rejects(events(path).next(), gone(path), name);
  }
});

t.test('what is no answer is told as it is', async (t) => {
  const path = `${await socketDirectory(t)}/s`;
  await odd(t, path, (socket) => socket.once('data', () => socket.write('{"event":{}}\n')));
  t.equal(await ask(path, { ask: 'status' }), undefined);
  const other = `${await socketDirectory(t)}/s`;
  await odd(t, other, (socket) => socket.write('no JSON\n'));
  await t.rejects(ask(other, { ask: 'status' }), { name: 'SyntaxError' });
});

t.test('a path that is no socket', async (t) => {
  const directory = await socketDirectory(t);
  await writeFile(`${directory}/file`, '');
  await t.rejects(ask(`${directory}/file`, { ask: 'status' }), { code: 'ENOTCONN' });
  await t.rejects(ask(`${directory}/file/s`, { ask: 'status' }), { code: 'ENOTDIR' });
});

t.test('events come one by one until the daemon ends', async (t) => {
  const path = `${await socketDirectory(t)}/s`;
  const server = await served(t, path, () => Promise.resolve(null));
  const incoming = events(path);
  const first = incoming.next();
  // Asking comes first: the daemon tells only those who have.
  const timer = setInterval(() => server.event(event), 5);
  t.strictSame(await first, { value: event, done: false });
  clearInterval(timer);
  await server.close();
  let last = await incoming.next();
  while (!last.done) last = await incoming.next();
  t.strictSame(last, { value: undefined, done: true });
});

t.test('who wants no more events is gone', async (t) => {
  const path = `${await socketDirectory(t)}/s`;
  const server = await served(t, path, () => Promise.resolve(null));
  const timer = setInterval(() => server.event(event), 5);
  t.teardown(() => clearInterval(timer));
  for await (const each of events(path)) {
    t.strictSame(each, event);
    break;
  }
  await server.close();
});

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import t from 'tap';
import { BcfsError } from '../../lib/errors.js';
import type { HostEvent } from '../../lib/host/report.js';
import { controlPath } from '../../lib/cli/control-protocol.js';
import { serveControl } from '../../lib/cli/control-server.js';
import { served, socketDirectory, staleSocket, status, talk } from '../fixtures/control.js';
import { until } from '../fixtures/mounted.js';

const event: HostEvent = { time: 0, beancounter: 5, resource: 'numtasks', event: 'refused', value: 3 };
const nothing = () => Promise.resolve(null);

t.test('a request is a line, and so is its answer', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  await served(t, path, (request) => {
    switch (request.ask) {
      case 'status':
        return Promise.resolve(status);
      case 'which':
        return Promise.resolve(request.pid + 1);
      case 'ps':
        return Promise.resolve([]);
      case 'charge':
        return Promise.resolve(request.pid + 2);
      case 'drop':
        return Promise.resolve(undefined);
    }
  });
  const client = talk(path);
  client.say('{"ask":"status"}\n{"ask":"wh');
  client.say('ich","pid":7}\n{"ask":"ps"}\n{"ask":"charge","pid":7}\n{"ask":"drop"}\n');
  await until('all is answered', () => client.replies().length === 5);
  t.strictSame(
    client.replies().map((reply) => (reply as { answer: unknown }).answer),
    [status, 8, [], 9, null],
  );
  client.end();
});

t.test('answers come in the order of the requests', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  const waiting: (() => void)[] = [];
  await served(t, path, (request) =>
    request.ask === 'ps' ? new Promise((resolve) => waiting.push(() => resolve([]))) : Promise.resolve(1),
  );
  const client = talk(path);
  client.say('{"ask":"ps"}\n{"ask":"which","pid":7}\n');
  await until('the first is asked', () => waiting.length === 1);
  t.strictSame(client.replies(), []);
  waiting[0]!();
  await until('both are answered', () => client.replies().length === 2);
  t.strictSame(client.replies(), [{ answer: [] }, { answer: 1 }]);
  client.end();
});

t.test('what is no request is answered with an error, and the next one is taken', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  await served(t, path, () => Promise.resolve(1));
  const bad = [
    '',
    'ps',
    '{"ask":',
    'null',
    '7',
    '[]',
    '{}',
    '{"ask":7}',
    '{"ask":"toString"}',
    '{"ask":"__proto__"}',
    '{"ask":"which"}',
    '{"ask":"which","pid":"7"}',
    '{"ask":"which","pid":0}',
    '{"ask":"which","pid":1.5}',
    '{"ask":"charge"}',
    '{"ask":"charge","pid":-7}',
    '\0\x01\u{fffd}',
  ];
  const client = talk(path);
  client.say(`${bad.join('\n')}\n{"ask":"which","pid":7}\n`);
  await until('all is answered', () => client.replies().length === bad.length + 1);
  const replies = client.replies();
  t.strictSame(replies.pop(), { answer: 1 });
  const message =
    'not a request: {"ask": …} with one of status, ps, which, charge, drop, events; which and charge have a "pid" too';
  for (const reply of replies) t.strictSame(reply, { error: { code: 'EINVAL', message } });
  client.end();
});

t.test('a refusal has its code, whatever else is thrown is EIO', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  const thrown: unknown[] = [new BcfsError('ESRCH', 'no task 7'), new Error('broken'), 'a text', 7n];
  // The last one is an answer that JSON does not have.
  await served(t, path, () => {
    const error = thrown.shift();
    if (typeof error === 'bigint') return Promise.resolve(error);
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    return Promise.reject(error);
  });
  const client = talk(path);
  client.say('{"ask":"ps"}\n'.repeat(4));
  await until('all is answered', () => client.replies().length === 4);
  t.strictSame(client.replies(), [
    { error: { code: 'ESRCH', message: 'no task 7' } },
    { error: { code: 'EIO', message: 'broken' } },
    { error: { code: 'EIO', message: 'a text' } },
    { error: { code: 'EIO', message: 'Do not know how to serialize a BigInt' } },
  ]);
  client.end();
});

t.test('a line that is too long ends the connection, with its end or without', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  await served(t, path, nothing);
  const error = { code: 'E2BIG', message: 'a request has 4096 characters at the most' };
  for (const end of ['', '\n']) {
    const client = talk(path);
    client.say('x'.repeat(4097) + end);
    await client.closed;
    t.strictSame(client.replies(), [{ error }]);
  }
  const client = talk(path);
  client.say(`{"ask":"drop"${' '.repeat(4082)}}\n`);
  await until('it is answered', () => client.replies().length === 1);
  t.strictSame(client.replies(), [{ answer: null }], 'one of 4096 is taken');
  client.end();
});

t.test('events go to those who asked for them, until they go', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  const server = await served(t, path, nothing);
  const [deaf, ...clients] = [talk(path), talk(path), talk(path)];
  deaf.say('{"ask":"ps"}\n');
  for (const client of clients) client.say('{"ask":"events"}\n');
  await until('all are answered', () => [deaf, ...clients].every((each) => each.replies().length === 1));
  server.event(event);
  await until('all have it', () => clients.every((each) => each.replies().length === 2));
  t.strictSame(clients[0].replies(), [{ answer: null }, { event }]);
  clients[0].end();
  await clients[0].closed;
  server.event(event);
  await until('the other has both', () => clients[1].replies().length === 3);
  await server.close();
  await clients[1].closed;
  t.strictSame(clients[1].replies().pop(), { end: true }, 'and is told of the end');
  t.strictSame(deaf.replies(), [{ answer: null }]);
  server.event(event);
});

t.test('one that does not read is let go, and the others go on', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  const server = await served(t, path, nothing);
  const [slow, quick] = [talk(path), talk(path)];
  for (const client of [slow, quick]) client.say('{"ask":"events"}\n');
  await until('both are answered', () => [slow, quick].every((each) => each.replies().length === 1));
  slow.stop();
  const big = { ...event, resource: 'x'.repeat(10_000) };
  let sent = 0;
  // The quick one gets all of them: each is waited for.
  for (; sent < 100; sent++) {
    server.event(big);
    await until('the quick one has it', () => quick.replies().length === sent + 2);
  }
  slow.go();
  await slow.closed;
  t.ok(slow.replies().length < sent, 'the slow one has been left out');
  quick.end();
});

t.test('one that asks and does not read is let go too', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  let asked = 0;
  await served(t, path, () => {
    asked++;
    return Promise.resolve('x'.repeat(100_000));
  });
  const client = talk(path);
  client.stop();
  client.say('{"ask":"ps"}\n'.repeat(1000));
  await until('it has asked', () => asked > 1);
  await until('it is asked for no more', () => asked === 1000);
  client.go();
  await client.closed;
  t.ok(client.replies().length < 1000);
});

t.test('one that does not read does not keep the server from closing', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  const server = await served(t, path, () => Promise.resolve('x'.repeat(1_000_000)));
  const client = talk(path);
  client.say('{"ask":"events"}\n');
  await until('it is answered', () => client.replies().length === 1);
  client.stop();
  client.say('{"ask":"ps"}\n');
  await server.close();
  client.end();
});

t.test('one that goes before its answer does no harm', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  const waiting: (() => void)[] = [];
  await served(t, path, () => new Promise((resolve) => waiting.push(() => resolve(1))));
  const gone = talk(path);
  gone.say('{"ask":"ps"}\n{"ask":"events"}\n');
  await until('it is asked', () => waiting.length === 1);
  gone.end();
  await gone.closed;
  waiting[0]!();
  const client = talk(path);
  client.say('{"ask":"ps"}\n');
  await until('the next one is asked', () => waiting.length === 2);
  waiting[1]!();
  await until('and answered', () => client.replies().length === 1);
  client.end();
});

t.test('the socket is root’s alone, whatever the umask, in a directory that is made', async (t) => {
  const directory = `${await socketDirectory(t)}/bcfs`;
  const before = process.umask(0o022);
  t.teardown(() => process.umask(before));
  const server = await served(t, `${directory}/0:1.sock`, nothing);
  t.equal((await stat(directory)).mode & 0o777, 0o755);
  t.equal((await stat(`${directory}/0:1.sock`)).mode & 0o777, 0o600);
  t.equal(process.umask(0o022), 0o022);
  await server.close();
  t.strictSame(await readdir(directory), [], 'and gone when it is closed');
  process.umask(0);
  await served(t, `${directory}/0:2.sock`, nothing);
  t.equal((await stat(`${directory}/0:2.sock`)).mode & 0o777, 0o600);
});

t.test('where the socket cannot be, nothing is left', async (t) => {
  const directory = await socketDirectory(t);
  await mkdir(`${directory}/0:1.sock`);
  await t.rejects(serveControl(`${directory}/0:1.sock`, nothing), { code: 'EISDIR' });
  await until('the socket has gone', () => readdirSync(directory).length === 1);
});

t.test('other users have their sockets elsewhere', (t) => {
  const before = { ...process.env };
  t.teardown(() => {
    process.seteuid!(0);
    Object.assign(process.env, before);
  });
  delete process.env['BCFS_RUNTIME_DIRECTORY'];
  delete process.env['XDG_RUNTIME_DIR'];
  t.equal(controlPath('0:1'), '/run/bcfs/0:1.sock');
  process.seteuid!(65534);
  t.equal(controlPath('0:1'), '/tmp/bcfs-65534/0:1.sock');
  process.env['XDG_RUNTIME_DIR'] = '/run/user/65534';
  t.equal(controlPath('0:1'), '/run/user/65534/bcfs-65534/0:1.sock');
  process.env['BCFS_RUNTIME_DIRECTORY'] = '/mine';
  t.equal(controlPath('0:1'), '/mine/0:1.sock');
  t.end();
});

t.test('a socket that a dead daemon left is replaced', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  t.equal(spawnSync(process.execPath, ['-e', staleSocket(path)]).signal, 'SIGKILL');
  t.ok((await stat(path)).isSocket());
  await served(t, path, () => Promise.resolve(1));
  const client = talk(path);
  client.say('{"ask":"ps"}\n');
  await until('it is answered', () => client.replies().length === 1);
  client.end();
});

t.test(
  'one of a daemon whose mount has gone is replaced, and not taken away by it when it ends',
  async (t) => {
    const path = `${await socketDirectory(t)}/0:1.sock`;
    const before = await served(t, path, () => Promise.resolve('before'));
    await served(t, path, () => Promise.resolve('now'));
    await before.close();
    const client = talk(path);
    client.say('{"ask":"ps"}\n');
    await until('it is answered', () => client.replies().length === 1);
    t.strictSame(client.replies(), [{ answer: 'now' }]);
    client.end();
  },
);

t.test('a file in the way is replaced as well', async (t) => {
  const path = `${await socketDirectory(t)}/0:1.sock`;
  await writeFile(path, '');
  await served(t, path, nothing);
  t.ok((await stat(path)).isSocket());
});

t.test('what the kernel refuses is told', async (t) => {
  const directory = await socketDirectory(t);
  await writeFile(`${directory}/file`, '');
  await t.rejects(serveControl(`${directory}/file/0:1.sock`, nothing), { code: 'EEXIST' });
  await t.rejects(serveControl('/proc/0:1.sock', nothing), /listen/);
});

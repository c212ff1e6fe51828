import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs, root, run, type Outcome } from '../fixtures/command.js';
import { preloaded } from '../fixtures/foreground.js';
import {
  daemonOf,
  daemons,
  emptyDirectory,
  ended,
  mountOn,
  mountpoints,
  needsFuse,
  until,
} from '../fixtures/mounted.js';

const done: Outcome = { code: 0, stdout: '', stderr: '' };

t.test('the command returns when the mount answers', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(await run(bcfs, [directory]), done);
  t.strictSame(mountpoints(directory), [directory]);
  t.strictSame((await readdir(directory)).sort(), ['0', 'description']);
  process.kill(daemonOf(directory), 'SIGTERM');
  await until('it is unmounted', () => mountpoints(directory).length === 0);
});

for (const [signal, transport] of [
  ['SIGINT', 'dev-fuse'],
  ['SIGTERM', 'dev-fuse'],
  ['SIGTERM', 'fuse-native'],
  ['SIGHUP', 'auto'],
] as const) {
  t.test(`${signal} unmounts and ends the daemon, over ${transport}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    await mountOn(t, directory, ['--transport', transport]);
    const daemon = daemonOf(directory);
    process.kill(daemon, signal);
    await ended(daemon);
    t.strictSame(mountpoints(directory), []);
  });
}

t.test('the daemon is on its own', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const script = `cd ${directory}/..; exec 7> ${directory}.open 8< /dev/zero; "${bcfs}" ${directory}; echo $$`;
  const { stdout } = await bash(script);
  t.teardown(() => run('rm', [`${directory}.open`]));
  const daemon = daemonOf(directory);
  const at = (name: string) => `/proc/${daemon}/${name}`;

  t.equal(readlinkSync(at('cwd')), '/', 'its directory is /');
  const fields = readFileSync(at('stat'), 'utf8').replace(/.*\) /, '').split(' ');
  const [, parent, group, session, terminal] = fields.map(Number);
  t.not(parent, Number(stdout), 'its parent has ended');
  t.strictSame({ group, session, terminal }, { group: daemon, session: daemon, terminal: 0 });
  for (const fd of [0, 1, 2]) t.equal(readlinkSync(at(`fd/${fd}`)), '/dev/null');
  const descriptors = readdirSync(at('fd')).map((fd) => readlinkSync(at(`fd/${fd}`)));
  t.notOk(descriptors.includes(`${directory}.open`), 'what was open is not open in it');
  t.notOk(descriptors.includes('/dev/zero'));
  t.equal(descriptors.filter((target) => target === '/dev/fuse').length, 1);
  const fuse = readdirSync(at('fd')).find((fd) => readlinkSync(at(`fd/${fd}`)) === '/dev/fuse');
  t.match(readFileSync(at(`fdinfo/${fuse}`), 'utf8'), /^flags:\t02\d{6}$/m, 'which it hands to nobody');
  await run('umount', [directory]);
});

t.test('who reads the output of the command does not wait for the daemon', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(await bash(`"${bcfs}" ${directory} 2>&1 | cat; echo \${PIPESTATUS[0]}`), {
    ...done,
    stdout: '0\n',
  });
  await run('umount', [directory]);
});

t.test('a log is appended to, and belongs to its owner', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const files = await emptyDirectory(t);
  await writeFile(`${files}/old`, 'a line\n');
  for (const [log, before] of [
    ['old', 'a line\n'],
    ['new', ''],
  ] as const) {
    const fails = preloaded("process.on('SIGUSR2', () => { throw 'a word' });");
    t.strictSame(await run(bcfs, ['--log', `${files}/${log}`, directory], fails), done);
    const daemon = daemonOf(directory);
    process.kill(daemon, 'SIGUSR2');
    await ended(daemon);
    t.equal(await readFile(`${files}/${log}`, 'utf8'), `${before}bcfs: a word\n`);
    t.strictSame(mountpoints(directory), []);
  }
  t.equal((await stat(`${files}/new`)).mode & 0o777, 0o640);
});

t.test('a log that is full does not stop it', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const warns = preloaded("process.on('SIGUSR2', () => { throw 'a word' });");
  t.strictSame(await run(bcfs, ['--log', '/dev/full', directory], warns), done);
  const daemon = daemonOf(directory);
  process.kill(daemon, 'SIGUSR2');
  await ended(daemon);
  t.strictSame(mountpoints(directory), []);
});

/** How a daemon ends before it has mounted, and what the command calls that. */
const ends: [code: string, how: string][] = [
  ["process.kill(process.pid, 'SIGKILL')", 'SIGKILL'],
  ['process.exit(3)', '3'],
];

for (const [code, how] of ends) {
  t.test(`a daemon that ends before it mounts: ${how}`, async (t) => {
    const directory = await emptyDirectory(t);
    t.strictSame(
      await run(bcfs, [directory], preloaded(`if (process.argv[1].endsWith('daemon.js')) ${code};`)),
      {
        code: 1,
        stdout: '',
        stderr: `bcfs: the daemon ended before it mounted (${how})\n`,
      },
    );
    t.strictSame(mountpoints(directory), []);
  });
}

t.test('a signal while it mounts leaves no mount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const early = preloaded("process.once('message', () => process.kill(process.pid, 'SIGTERM'));");
  await run(bcfs, [directory], early);
  await until('the daemon has ended', () => daemons(directory).length === 0);
  t.strictSame(mountpoints(directory), []);
});

t.test('a daemon whose command has gone meanwhile leaves no mount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const daemon = fork(`${root}dist/lib/cli/daemon.js`, [directory], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const settings = {
    ro: false,
    allowOther: false,
    nonempty: false,
    strict: false,
    autoUnmount: true,
    watchdog: 20,
    uid: 0,
    gid: 0,
    flags: [],
  };
  daemon.send({ mountpoint: directory, settings, transport: 'auto' }, () => daemon.disconnect());
  const [code] = (await once(daemon, 'exit')) as [number | null];
  t.equal(code, 0);
  t.strictSame(mountpoints(directory), []);
});

t.test('a daemon whose command goes while it mounts leaves no mount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const gone = preloaded("process.once('message', () => process.disconnect());");
  t.strictSame(await run(bcfs, [directory], gone), {
    code: 1,
    stdout: '',
    stderr: 'bcfs: the daemon ended before it mounted (0)\n',
  });
  t.strictSame(mountpoints(directory), []);
});

t.test('a daemon that nobody gives an order ends', async (t) => {
  const daemon = fork(`${root}dist/lib/cli/daemon.js`, ['/nowhere'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  daemon.disconnect();
  const [code] = (await once(daemon, 'exit')) as [number | null];
  t.equal(code, 0);
});

t.test('each daemon ends with its own mount, though the next one comes at once', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  for (let round = 0; round < 3; round += 1) {
    await mountOn(t, directory);
    t.strictSame(await run('umount', [directory]), done);
  }
  await mountOn(t, directory);
  await until('one is left', () => daemons(directory).length === 1);
  t.strictSame(mountpoints(directory), [directory]);
});

t.test('a daemon follows a mount that is moved', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  // A mount cannot be moved out of one that is shared, as / is with systemd.
  await run('mount', ['-t', 'tmpfs', 'none', directory]);
  await run('mount', ['--make-private', directory]);
  t.teardown(() => run('umount', ['-l', directory]));
  await run('mkdir', [`${directory}/from`, `${directory}/to`]);
  await mountOn(t, `${directory}/from`);
  const daemon = daemonOf(directory);
  t.strictSame(await run('mount', ['--move', `${directory}/from`, `${directory}/to`]), done);
  // It looks once a second.
  await delay(1500);
  t.equal(await readFile(`${directory}/to/0/id`, 'utf8'), '0\n');
  process.kill(daemon, 'SIGTERM');
  await ended(daemon);
  t.strictSame(mountpoints(directory), [directory]);
});

t.test(
  'a signal to a daemon whose mount is covered is logged, and kept until it is not',
  needsFuse,
  async (t) => {
    const directory = await emptyDirectory(t);
    const files = await emptyDirectory(t);
    const log = `${files}/log`;
    await mountOn(t, directory, ['--log', log]);
    const daemon = daemonOf(directory);
    await run('mount', ['-t', 'tmpfs', 'none', directory]);
    process.kill(daemon, 'SIGTERM');
    await until('it has said so', () => readFileSync(log, 'utf8').endsWith('\n'));
    t.equal(
      readFileSync(log, 'utf8'),
      `bcfs: ${directory}: something else is mounted over it; unmount that first\n`,
    );
    t.equal((await run('cat', [`${directory}/0/id`])).code, 1, 'it is covered');
    await run('umount', [directory]);
    await ended(daemon);
    t.strictSame(mountpoints(directory), []);
  },
);

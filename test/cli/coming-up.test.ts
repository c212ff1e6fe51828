import t from 'tap';
import { transportNames } from '../../lib/fuse/transport.js';
import '../fixtures/covered.js';
import { bcfs, run } from '../fixtures/command.js';
import { preloaded } from '../fixtures/foreground.js';
import { daemons, emptyDirectory, mountpoints, needsFuse, until } from '../fixtures/mounted.js';

/** Code in the daemon that keeps it from coming up: deaf to signals, or not. */
const slow: [title: string, code: string][] = [
  ['that waits', 'await new Promise((resolve) => setTimeout(resolve, 60_000));'],
  ['that does not end when it is told to', "process.on('SIGTERM', () => {}); for (;;);"],
];

for (const [title, code] of slow) {
  t.test(`a daemon ${title} is ended, and the command says so`, async (t) => {
    const directory = await emptyDirectory(t);
    // The command's own clock goes 20 times as fast.
    const preload = preloaded(`
      if (process.argv[1].endsWith('daemon.js')) { ${code} }
      const real = setTimeout;
      globalThis.setTimeout = (call, time, ...rest) => real(call, time / 20, ...rest);`);
    t.strictSame(await run(bcfs, [directory], preload), {
      code: 16,
      stdout: '',
      stderr: `bcfs: ${directory}: the daemon did not come up in 30 s, and was ended\n`,
    });
    await until('it has ended', () => daemons(directory).length === 0);
    t.strictSame(mountpoints(directory), []);
  });
}

/** Code in the thread that serves, and what the command says of it. */
const failures: [title: string, code: string, message: string][] = [
  ['throws', "throw new Error('no luck');", 'no luck'],
  ['ends', 'process.exit();', 'its thread ended'],
  [
    'needs too much memory',
    'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));',
    'Worker terminated due to reaching memory limit: JS heap out of memory',
  ],
];

for (const [title, code, message] of failures) {
  t.test(`nothing is mounted by a daemon whose thread ${title}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const preload = preloaded(`
      import { isMainThread } from 'node:worker_threads';
      if (!isMainThread) { ${code} }`);
    const env = { NODE_OPTIONS: `${preload.env['NODE_OPTIONS']} --max-old-space-size=64` };
    t.strictSame(await run(bcfs, [directory], { env }), {
      code: 1,
      stdout: '',
      stderr: `bcfs: the daemon cannot serve it: ${message}\n`,
    });
    await until('it has ended', () => daemons(directory).length === 0);
    t.strictSame(mountpoints(directory), []);
  });
}

t.test('a daemon that cannot load what serves says why', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const hooks = `export async function load(url, context, next) {
    if (url.endsWith('/serve.js')) throw new Error('too many open files');
    return next(url, context);
  }`;
  const preload = preloaded(`
    import { register } from 'node:module';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});`);
  t.strictSame(await run(bcfs, [directory], preload), {
    code: 1,
    stdout: '',
    stderr: 'bcfs: the daemon cannot serve it: too many open files\n',
  });
  t.strictSame(mountpoints(directory), []);
});

t.test('a signal while it mounts waits for the mount, and there may be none', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const preload = preloaded(`
    process.on('newListener', (event) => {
      if (event === 'SIGHUP') setImmediate(() => process.emit('SIGHUP'));
    });`);
  const command = ['-m', 'bash', '-c', 'mount --bind /dev/null /dev/fuse && exec "$@"', 'sh', bcfs];
  t.match(await run('unshare', [...command, '--host', 'none', '-f', directory], preload), {
    code: 15,
    stderr: /the kernel refuses the mount/,
  });
  t.match(await run(bcfs, ['-f', directory], preload), { code: 0, stdout: '' });
  t.strictSame(mountpoints(directory), []);
});

t.test('a thread that fails later is logged, and takes its mount with it', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const preload = preloaded(`
    import { isMainThread } from 'node:worker_threads';
    if (!isMainThread) {
      const { Pulse } = await import('${new URL('../../lib/fuse/watchdog.js', import.meta.url).href}');
      let beats = 0;
      Pulse.prototype.beat = () => {
        if ((beats += 1) > 20) throw new Error('a bug');
      };
    }`);
  const files = await emptyDirectory(t);
  t.equal((await run(bcfs, ['--log', `${files}/log`, directory], preload)).code, 0);
  await run('ls', ['-lR', directory]);
  await until('it has ended', () => daemons(directory).length === 0);
  t.equal(
    (await run('cat', [`${files}/log`])).stdout,
    `bcfs: ${directory}: the daemon cannot serve it: a bug\n`,
  );
  t.strictSame(mountpoints(directory), []);
});

t.test('a mount that the kernel refuses ends what would have served it', needsFuse, async (t) => {
  for (const transport of transportNames) {
    const directory = await emptyDirectory(t);
    const { code, stderr } = await run('setpriv', [
      ...['--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'],
      ...[bcfs, '-f', '--transport', transport, directory],
    ]);
    t.equal(code, 15);
    t.match(stderr, /^bcfs: .*: the kernel refuses the mount \(.*\); CAP_SYS_ADMIN is needed\n$/);
  }
});

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import t from 'tap';
import { BcfsError } from '../../lib/errors.js';
import type { HostEvent, HostRequest, ProcessEntry } from '../../lib/host/report.js';
import type { ControlServer } from '../../lib/cli/control-server.js';
import '../fixtures/covered.js';
import { bash, bcfs, plain, run, TIME_LIMIT, type Outcome, type RunOptions } from '../fixtures/command.js';
import { served, socketDirectory, socketOf, staleSocket, status } from '../fixtures/control.js';
import {
  emptyDirectory,
  mounted,
  mountOn,
  mountpoints,
  needsFuse,
  sharedMount,
  until,
} from '../fixtures/mounted.js';
import { reader } from '../fixtures/unprivileged.js';

const done = (stdout = ''): Outcome => ({ code: 0, stdout, stderr: '' });
const failed = (code: number, message: string): Outcome => ({
  code,
  stdout: '',
  stderr: `bcfs: ${message}\n`,
});

const processes: ProcessEntry[] = [
  { pid: 7, threads: 1, beancounter: 5, command: 'sh -c "a\nb\x1b[2J"' },
  { pid: 12345, threads: 10, beancounter: 6, command: '[node]' },
];

function answer(request: HostRequest): unknown {
  switch (request.ask) {
    case 'status':
      return status;
    case 'ps':
      return processes;
    case 'which':
      if (request.pid === 4711) return 5;
      throw new BcfsError('ESRCH', `no task ${request.pid}`);
    case 'drop':
      return null;
  }
}

interface Asked {
  readonly mountpoint: string;
  readonly socket: string;
  /** For the command's environment: where the sockets are. */
  readonly options: RunOptions;
  readonly asked: HostRequest[];
  readonly server: ControlServer;
}

/** A mount whose daemon is asked through a socket of the test. @param mountpoint default: one for all tests */
async function askedMount(
  t: Test,
  reply: (request: HostRequest) => unknown = answer,
  mountpoint?: string,
): Promise<Asked> {
  mountpoint ??= await sharedMount();
  const directory = await socketDirectory(t);
  const asked: HostRequest[] = [];
  const socket = socketOf(directory, mountpoint);
  const server = await served(t, socket, async (request) => {
    asked.push(request);
    return Promise.resolve(reply(request));
  });
  return { mountpoint, socket, options: { env: { BCFS_RUNTIME_DIRECTORY: directory } }, asked, server };
}

t.test('status is a table, or JSON', needsFuse, async (t) => {
  const { mountpoint, options } = await askedMount(t);
  t.strictSame(
    await run(bcfs, ['status', mountpoint], options),
    done(
      `host          cgroup v1
groups        /sys/fs/cgroup/pids/bcfs
              /sys/fs/cgroup/memory/bcfs
interval      0.5 s
last sample   3.2 ms of CPU
beancounters  4, 1 of them without a directory

RESOURCE  UNIT   HELD FROM                 COUNT    LIMIT HELD BY  LIMIT
numtasks  items  pids.current (cgroup v1)  kernel   pids.max       exact
numfiles  items  /proc/PID/fd              sampled  RLIMIT_NOFILE  approximate

numfiles: as old as the interval\\nat the most
`,
    ),
  );
  t.strictSame(
    await run(bcfs, ['status', '--json', mountpoint], options),
    done(`${JSON.stringify(status)}\n`),
  );
});

t.test('status of a host that follows nothing', needsFuse, async (t) => {
  const bare = {
    ...status,
    host: 'none',
    directories: [],
    cost: undefined,
    unseen: 0,
    resources: status.resources.slice(0, 1),
  };
  const { mountpoint, options } = await askedMount(t, () => bare);
  t.strictSame(
    await run(bcfs, ['status', mountpoint], options),
    done(`host          none
interval      0.5 s
last sample   none yet
beancounters  4

RESOURCE  UNIT   HELD FROM                 COUNT   LIMIT HELD BY  LIMIT
numtasks  items  pids.current (cgroup v1)  kernel  pids.max       exact
`),
  );
});

t.test(
  'ps is a table with a line for each process whatever its command is, or JSON',
  needsFuse,
  async (t) => {
    const { mountpoint, options } = await askedMount(t);
    t.strictSame(
      await run(bcfs, ['ps', mountpoint], options),
      done(`  PID  THREADS  BC  COMMAND
    7        1   5  sh -c "a\\nb\\u001b[2J"
12345       10   6  [node]
`),
    );
    const { stdout } = await run(bcfs, ['ps', mountpoint, '--json'], options);
    t.strictSame(JSON.parse(stdout), processes);
  },
);

t.test('which prints v6’s line, of a mount or of whatever mount has the task', needsFuse, async (t) => {
  const { mountpoint, options, asked } = await askedMount(t);
  for (const args of [['4711', mountpoint], ['4711']]) {
    t.strictSame(await run(bcfs, ['which', ...args], options), done('Bcid:\t5\n'));
  }
  t.strictSame(asked, [
    { ask: 'which', pid: 4711 },
    { ask: 'which', pid: 4711 },
  ]);
  for (const args of [['4712', mountpoint], ['4712']]) {
    t.strictSame(await run(bcfs, ['which', ...args], options), failed(1, '4712: no such task'));
  }
});

/** What the daemons of a machine say about a task, and what comes of it. */
const machines: [title: string, daemons: (number | BcfsError | 'stale')[], outcome: Outcome][] = [
  ['the one that has it not in 0', [0, 7, 0], done('Bcid:\t7\n')],
  ['0 if all have it there', [0, 0], done('Bcid:\t0\n')],
  ['those that know it, if others do not', [new BcfsError('ESRCH', 'no'), 0], done('Bcid:\t0\n')],
  ['those that answer, if others have died', ['stale', 3], done('Bcid:\t3\n')],
  ['one that refuses', [new BcfsError('EIO', 'broken')], failed(1, 'broken')],
  [
    'one that does not know it before one that refuses',
    [new BcfsError('EIO', 'broken'), new BcfsError('ESRCH', 'no')],
    failed(1, '7: no such task'),
  ],
  [
    'nothing, if all have died',
    ['stale'],
    failed(17, 'no bcfs of this machine answers; is one mounted? See: findmnt -t fuse.bcfs'),
  ],
  [
    'nothing, if there is none',
    [],
    failed(17, 'no bcfs of this machine answers; is one mounted? See: findmnt -t fuse.bcfs'),
  ],
];

for (const [title, daemons, outcome] of machines) {
  t.test(`which without a mountpoint tells ${title}`, async (t) => {
    const directory = `${await socketDirectory(t)}/run`;
    for (const [i, said] of daemons.entries()) {
      await mkdir(directory, { recursive: true });
      const path = `${directory}/0:${i}.sock`;
      if (said === 'stale') spawnSync(process.execPath, ['-e', staleSocket(path)]);
      else
        await served(t, path, () => (said instanceof Error ? Promise.reject(said) : Promise.resolve(said)));
    }
    t.strictSame(await run(bcfs, ['which', '7'], { env: { BCFS_RUNTIME_DIRECTORY: directory } }), outcome);
  });
}

t.test('which passes on why a mount does not tell', needsFuse, async (t) => {
  const { mountpoint, options } = await askedMount(t, () => {
    throw new BcfsError('EINVAL', 'no tasks are followed');
  });
  t.strictSame(await run(bcfs, ['which', '7', mountpoint], options), failed(1, 'no tasks are followed'));
});

const occurrence: HostEvent = {
  time: Date.UTC(2026, 10, 27, 21, 0, 0, 7),
  beancounter: 5,
  resource: 'numtasks',
  event: 'refused',
  value: 3,
};

const formats: [flags: string[], line: string][] = [
  [[], '2026-11-27T21:00:00.007Z 5 numtasks refused 3\n'],
  [
    ['--json'],
    '{"time":"2026-11-27T21:00:00.007Z","beancounter":5,"resource":"numtasks","event":"refused","value":3}\n',
  ],
];

for (const [flags, line] of formats) {
  t.test(`events ${flags.join('')} prints each at once, until the daemon ends`, needsFuse, async (t) => {
    const { mountpoint, options, server } = await askedMount(t);
    const child = spawn(...plain(bcfs, ['events', ...flags, mountpoint]), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      timeout: TIME_LIMIT,
    });
    const stderr = text(child.stderr);
    const closed = once(child, 'close');
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const timer = setInterval(() => server.event(occurrence), 5);
    await until('the first one is printed', () => stdout !== '');
    clearInterval(timer);
    t.equal(stdout.slice(0, line.length), line);
    await server.close();
    t.strictSame(await closed, [0, null]);
    t.equal(await stderr, '');
    t.equal(stdout.replaceAll(line, ''), '');
  });
}

t.test('events ends when nobody reads it any more', needsFuse, async (t) => {
  const { mountpoint, options, server } = await askedMount(t);
  const timer = setInterval(() => server.event(occurrence), 5);
  t.teardown(() => clearInterval(timer));
  t.strictSame(
    await bash(`"${bcfs}" events "${mountpoint}" | head -1; echo "\${PIPESTATUS[0]}"`, options),
    done(`${formats[0]![1]}0\n`),
  );
});

t.test('events of a daemon that is killed ends with an error', needsFuse, async (t) => {
  const mountpoint = await sharedMount();
  const directory = await socketDirectory(t);
  const script = `
    const { createServer } = require('node:net');
    const server = createServer((socket) => socket.write('{"answer":null}\\n', () => process.kill(process.pid, 'SIGKILL')));
    server.listen(process.argv[1], () => console.log('ready'));`;
  const socket = socketOf(directory, mountpoint);
  const daemon = spawn(process.execPath, ['-e', script, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(daemon.stdout, 'data');
  t.strictSame(
    await run(bcfs, ['events', mountpoint], { env: { BCFS_RUNTIME_DIRECTORY: directory } }),
    failed(
      16,
      `${socket}: the daemon was killed, or has let go of a client that did not read as fast as it wrote`,
    ),
  );
});

t.test('umount --drop asks for it first', needsFuse, async (t) => {
  let there: string[] = [];
  const mount: Asked = await askedMount(
    t,
    () => {
      there = mountpoints(mount.mountpoint);
      return null;
    },
    await mounted(t),
  );
  const { mountpoint, options, asked } = mount;
  t.strictSame(await run(bcfs, ['umount', '--drop', mountpoint], options), done());
  t.strictSame(asked, [{ ask: 'drop' }]);
  t.strictSame(there, [mountpoint]);
  t.strictSame(mountpoints(mountpoint), []);
});

t.test('umount --drop leaves a mount that it could not drop', needsFuse, async (t) => {
  const { mountpoint, options } = await askedMount(
    t,
    () => {
      throw new BcfsError('EBUSY', 'beancounter 5: a task cannot be moved');
    },
    await mounted(t),
  );
  t.strictSame(
    await run(bcfs, ['umount', '--drop', mountpoint], options),
    failed(1, 'beancounter 5: a task cannot be moved'),
  );
  t.strictSame(mountpoints(mountpoint), [mountpoint]);
  t.strictSame(await run(bcfs, ['umount', mountpoint], options), done());
});

t.test('what is mounted there may be reached from anywhere', needsFuse, async (t) => {
  const { mountpoint, options } = await askedMount(t);
  await mountOn(t, await emptyDirectory(t));
  t.equal((await run(bcfs, ['ps', '.'], { ...options, cwd: mountpoint })).code, 0, 'by a relative path');
  const elsewhere = await emptyDirectory(t);
  const script = `
    mount --bind "${mountpoint}" "${elsewhere}" && "${bcfs}" ps "${elsewhere}"`;
  const { code, stderr } = await run('unshare', ['-m', 'timeout', '20', 'bash', '-c', script], options);
  t.strictSame({ code, stderr }, { code: 0, stderr: '' }, 'and in another mount namespace');
});

t.test('only root can ask', needsFuse, async (t) => {
  const { mountpoint, options, socket } = await askedMount(t);
  t.strictSame(await run('chmod', ['755', options.env!['BCFS_RUNTIME_DIRECTORY']!]), done());
  t.strictSame(
    await run('env', [...reader, bcfs, 'status', mountpoint], options),
    failed(15, `${socket}: permission denied; only root can ask the daemon`),
  );
});

import { chmod, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import t, { type Test } from 'tap';
import { findFusermount } from '../../lib/fuse/fusermount.js';
import '../fixtures/covered.js';
import { root } from '../fixtures/command.js';
import { embed } from '../fixtures/embedded.js';
import { emptyDirectory, mountpoints, needsFuse } from '../fixtures/mounted.js';
import { needsPython } from '../fixtures/processes.js';
import { python } from '../fixtures/python.js';

const needsBoth = { skip: needsFuse.skip || needsPython.skip } as const;

/** A program that speaks as fusermount does: it mounts, and sends the descriptor over the socket it was given. */
const double = `#!/usr/bin/env ${python}
import array, ctypes, os, socket, sys
os.seteuid(0) # as its mode does
if sys.argv[1:4] == ['-u', '-z', '--']: sys.exit(-ctypes.CDLL(None).umount2(sys.argv[4].encode(), 2))
assert sys.argv[1] == '-o' and sys.argv[3] == '--', sys.argv
options, mountpoint = sys.argv[2], sys.argv[4]
assert options == 'fsname=bcfs,subtype=bcfs,default_permissions,ro,noexec,allow_other', options
fd = os.open('/dev/fuse', os.O_RDWR)
data = 'fd=%d,rootmode=40000,user_id=0,group_id=0' % fd
assert ctypes.CDLL(None).mount(b'bcfs', mountpoint.encode(), b'fuse.bcfs', 0, data.encode()) == 0
channel = socket.socket(fileno=int(os.environ['_FUSE_COMMFD']))
channel.sendmsg([b'\\0'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])
`;

async function program(t: Test, text: string): Promise<string> {
  const path = `${await emptyDirectory(t)}/fusermount3`;
  await writeFile(path, text);
  for (const each of [path, dirname(path)]) await chmod(each, 0o755);
  return path;
}

/** A thread that serves the descriptor that it is given. */
const server = `
  import { workerData } from 'node:worker_threads';
  const load = (name) => import(${JSON.stringify(`${root}dist/lib/`)} + name);
  const { Group, Tree } = await load('index.js');
  const { serveBlocking } = await load('fuse/dev-fuse.js');
  const { eventfd } = await load('fuse/native.js');
  const { Session } = await load('fuse/protocol/session.js');
  const session = new Session(new Tree(new Group()), { validity: 0, log: console.error });
  serveBlocking(workerData, session, { stop: eventfd(), tick() {} });
`;

const prologue = (fusermount: string, directory: string) => `
  import { mountByFusermount, unmountByFusermount } from './dist/lib/fuse/fusermount.js';
  const fusermount = ${JSON.stringify(fusermount)};
  const directory = ${JSON.stringify(directory)};
  const options = { ro: true, allowOther: true, flags: ['noexec'] };
  const refused = (call) => {
    try { call(); } catch ({ name, code, message }) { console.log(name, code, message); }
  };
`;

t.test('fusermount mounts, and sends the descriptor, which is served', needsBoth, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout, stderr } = await embed(`
    ${prologue(await program(t, double), directory)}
    import { readdirSync, readFileSync } from 'node:fs';
    import { readdir } from 'node:fs/promises';
    import { Worker } from 'node:worker_threads';
    import { isFuse, setNonblocking, umount } from './dist/lib/fuse/native.js';
    const before = readdirSync('/proc/self/fd').length;
    const fd = mountByFusermount(fusermount, directory, options);
    console.log(isFuse(fd), readdirSync('/proc/self/fd').length - before);
    setNonblocking(fd);
    console.log(/^flags:\\t0*2104002$/m.test(readFileSync('/proc/self/fdinfo/' + fd, 'utf8')));
    const thread = new Worker(${JSON.stringify(server)}, { eval: true, workerData: fd });
    console.log(await readdir(directory));
    umount(directory, 0);
    await new Promise((resolve) => thread.once('exit', resolve));
  `);
  t.strictSame({ code, stdout, stderr }, { code: 0, stdout: 'true 1\ntrue\n[]\n', stderr: '' });
  t.strictSame(mountpoints(directory), []);
});

t.test('who may not mount and unmount has it done by fusermount', needsBoth, async (t) => {
  const directory = await emptyDirectory(t);
  const fusermount = await program(t, double);
  const { code, stdout, stderr } = await embed(`
    ${prologue(fusermount, directory)}
    import { readFileSync } from 'node:fs';
    import { mountDevice } from './dist/lib/fuse/device.js';
    import { unmountPath } from './dist/lib/fuse/mount.js';
    import { loadNative } from './dist/lib/fuse/native.js';
    // The other user may not be let in where it is loaded from.
    loadNative();
    process.env.PATH = ${JSON.stringify(dirname(fusermount))} + ':' + process.env.PATH;
    process.seteuid(65534);
    const fd = mountDevice(directory, options, true);
    console.log(/^flags:\\t0*2104002$/m.test(readFileSync('/proc/self/fdinfo/' + fd, 'utf8')));
    console.log(readFileSync('/proc/self/mountinfo', 'utf8').includes(directory));
    unmountPath(directory, true);
    console.log(readFileSync('/proc/self/mountinfo', 'utf8').includes(directory));
    process.seteuid(0);
  `);
  t.strictSame({ code, stdout, stderr }, { code: 0, stdout: 'true\ntrue\nfalse\n', stderr: '' });
  t.strictSame(mountpoints(directory), []);
});

/** What a fusermount may do instead, and what is made of it; <D> is the mountpoint, <P> the program. */
const failures: [title: string, script: string, mounting: string, unmounting: string][] = [
  [
    'that refuses is quoted',
    'echo first >&2; echo "fusermount3: no luck" >&2; exit 1',
    'EPERM <D>: fusermount3: no luck',
    'EPERM <D>: fusermount3: no luck',
  ],
  [
    'that says it is in use is understood',
    'echo "failed to unmount: Device or resource busy" >&2; exit 1',
    'EPERM <D>: failed to unmount: Device or resource busy',
    'EBUSY <D>: failed to unmount: Device or resource busy',
  ],
  ['that says nothing', 'exit 3', 'EPERM <D>: <P>: it ended with 3', 'EPERM <D>: <P>: it ended with 3'],
  [
    'that is killed',
    'kill -KILL $$',
    'EPERM <D>: <P>: it ended with SIGKILL',
    'EPERM <D>: <P>: it ended with SIGKILL',
  ],
  ['that sends nothing', 'exit 0', 'EPERM <D>: fusermount mounts nothing', ''],
  [
    'that does not end is ended',
    'exec sleep 60',
    'EPERM <D>: <P>: spawnSync <P> ETIMEDOUT',
    'EPERM <D>: <P>: spawnSync <P> ETIMEDOUT',
  ],
];

for (const [title, script, mounting, unmounting] of failures) {
  t.test(`a fusermount ${title}`, async (t) => {
    const directory = await emptyDirectory(t);
    const path = await program(t, `#!/bin/sh\n${script}\n`);
    const { stdout, stderr } = await embed(`
      ${prologue(path, directory)}
      refused(() => mountByFusermount(fusermount, directory, options));
      refused(() => unmountByFusermount(fusermount, directory, true));
    `);
    const lines = [mounting, unmounting].filter(Boolean).map((line) => `BcfsError ${line}\n`);
    t.strictSame(
      { stdout, stderr },
      { stdout: lines.join('').replaceAll('<D>', directory).replaceAll('<P>', path), stderr: '' },
    );
  });
}

t.test('to unmount it is given the flags of umount', async (t) => {
  const directory = await emptyDirectory(t);
  const path = await program(t, `#!/bin/sh\necho "$*" >&2; exit 1\n`);
  const { stdout } = await embed(`
    ${prologue(path, directory)}
    refused(() => unmountByFusermount(fusermount, directory, false));
    refused(() => unmountByFusermount(fusermount, directory, true));
  `);
  t.equal(
    stdout,
    `BcfsError EPERM ${directory}: -u -- ${directory}\nBcfsError EPERM ${directory}: -u -z -- ${directory}\n`,
  );
});

t.test('fusermount3 is found in $PATH before fusermount, and nothing that cannot be run', async (t) => {
  const three = await program(t, '');
  const directory = three.replace(/\/[^/]*$/, '');
  const other = await emptyDirectory(t);
  await writeFile(`${other}/fusermount3`, '');
  await writeFile(`${other}/fusermount`, '');
  await chmod(`${other}/fusermount`, 0o755);
  t.equal(findFusermount(`/nowhere:${other}::${directory}`), three);
  t.equal(findFusermount(other), `${other}/fusermount`);
  t.equal(findFusermount('/nowhere'), undefined);
  t.equal(findFusermount(''), undefined);
});

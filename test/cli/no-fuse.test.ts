import '../fixtures/covered.js';
import { bcfs, bash } from '../fixtures/command.js';
import { emptyDirectory, needsFuse } from '../fixtures/mounted.js';
import t from 'tap';

/** What a mount namespace of its own has at /dev/fuse. */
const cases: [title: string, prepare: string, code: number, message: string][] = [
  [
    'there is no /dev/fuse',
    'mount -t tmpfs none /dev; mknod /dev/null c 1 3',
    14,
    'no /dev/fuse here; load it with: modprobe fuse; without it, try: bcfs sh',
  ],
  [
    'nobody is behind /dev/fuse',
    'mount -t tmpfs none /dev; mknod /dev/null c 1 3; mknod /dev/fuse c 10 250',
    14,
    'no /dev/fuse here; load it with: modprobe fuse; without it, try: bcfs sh',
  ],
  [
    'no device may be opened',
    'mkdir $TMP/dev; mount -t tmpfs -o nodev none $TMP/dev; mknod $TMP/dev/fuse c 10 229; mount --bind $TMP/dev/fuse /dev/fuse',
    15,
    '/dev/fuse: permission denied; in a container, it must be let in',
  ],
  [
    'something else is called /dev/fuse',
    'mount --bind /dev/null /dev/fuse',
    15,
    'MOUNTPOINT: the kernel refuses the mount (Invalid argument); CAP_SYS_ADMIN is needed',
  ],
  [
    'there is no /dev/null either',
    'mount -t tmpfs none /dev',
    1,
    `the daemon does not start: spawn ${process.execPath} ENOENT`,
  ],
];

for (const [title, prepare, code, message] of cases) {
  t.test(`nothing is mounted where ${title}`, needsFuse, async (t) => {
    const TMP = await emptyDirectory(t);
    const mountpoint = await emptyDirectory(t);
    const script = `unshare -m bash -c '{ ${prepare}; } && "${bcfs}" ${mountpoint}; echo $?; grep -c ${mountpoint} /proc/self/mountinfo'`;
    t.strictSame(await bash(script, { env: { TMP } }), {
      code: 1,
      stdout: `${code}\n0\n`,
      stderr: `bcfs: ${message.replace('MOUNTPOINT', mountpoint)}\n`,
    });
  });
}

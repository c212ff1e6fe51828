import { mkdir, open, symlink, writeFile } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs, run, type Outcome } from '../fixtures/command.js';
import {
  daemonOf,
  emptyDirectory,
  ended,
  isAlive,
  mountOn,
  mountpoints,
  needsFuse,
} from '../fixtures/mounted.js';

const done: Outcome = { code: 0, stdout: '', stderr: '' };

t.test('umount unmounts, and the daemon ends', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  t.strictSame(await run(bcfs, ['umount', directory]), done);
  t.strictSame(mountpoints(directory), []);
  await ended(daemon);
});

t.test('somebody else’s umount ends the daemon', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  t.strictSame(await run('umount', [directory]), done);
  await ended(daemon);
});

t.test('umount takes a path with a link, a dot, a slash at its end', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mkdir(`${directory}/bc`);
  await symlink('bc', `${directory}/link`);
  for (const path of ['link', './bc', 'bc/', 'bc/../link', 'bc//.']) {
    await mountOn(t, `${directory}/bc`);
    t.strictSame(await run(bcfs, ['umount', path], { cwd: directory }), done, path);
  }
});

t.test('nothing but a bcfs is unmounted', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mkdir(`${directory}/other`);
  await run('mount', ['-t', 'tmpfs', 'none', `${directory}/other`]);
  t.teardown(() => run('umount', [`${directory}/other`]));
  await writeFile(`${directory}/file`, '');
  for (const path of [directory, `${directory}/other`, `${directory}/file`, '/proc', '/']) {
    for (const flags of [[], ['-l']]) {
      t.strictSame(await run(bcfs, ['umount', ...flags, path]), {
        code: 17,
        stdout: '',
        stderr: `bcfs: ${path}: no bcfs is mounted there; see: findmnt -t fuse.bcfs\n`,
      });
    }
  }
  t.strictSame(mountpoints(directory), [`${directory}/other`]);
});

t.test('a path below the mount is not the mount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  t.strictSame(await run(bcfs, ['umount', `${directory}/0`]), {
    code: 17,
    stdout: '',
    stderr: `bcfs: ${directory}/0: no bcfs is mounted there; see: findmnt -t fuse.bcfs\n`,
  });
  t.strictSame(mountpoints(directory), [directory]);
});

t.test('umount of nothing', async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(await run(bcfs, ['umount', `${directory}/new`]), {
    code: 10,
    stdout: '',
    stderr: `bcfs: ${directory}/new: no such mountpoint; a new one: mkdir -p ${directory}/new\n`,
  });
  t.strictSame(await run(bcfs, ['umount', '']), {
    code: 10,
    stdout: '',
    stderr: 'bcfs: the mountpoint is an empty string\n',
  });
});

const busy = (mountpoint: string): Outcome => ({
  code: 13,
  stdout: '',
  stderr:
    `bcfs: ${mountpoint}: in use; see who: fuser -vm ${mountpoint}; ` +
    `or detach it: bcfs umount -l ${mountpoint}\n`,
});

t.test('a mount with a file open is in use', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  const file = await open(`${directory}/0/id`);
  t.strictSame(await run(bcfs, ['umount', directory]), busy(directory));
  t.strictSame(mountpoints(directory), [directory]);
  t.ok(isAlive(daemon));
  t.equal(await file.readFile('utf8'), '0\n', 'and goes on');
  await file.close();
  t.strictSame(await run(bcfs, ['umount', directory]), done, 'until it is closed');
  await ended(daemon);
});

t.test('a mount that somebody is in is in use, and umount -l detaches it', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  const script = `
    cd ${directory}/0
    "${bcfs}" umount ${directory}; echo $?
    "${bcfs}" umount -l ${directory}; echo $?`;
  t.strictSame(await bash(script), { code: 0, stdout: '13\n0\n', stderr: busy(directory).stderr });
  t.strictSame(mountpoints(directory), []);
  await ended(daemon);
});

t.test('a mount that only another namespace has is not ours to unmount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const { code, stderr } = await run('unshare', ['-Urm', bcfs, 'umount', directory]);
  if (/^unshare: /.test(stderr)) return;
  t.strictSame({ code, stderr }, { code: 17, stderr: `bcfs: umount ${directory}: Invalid argument\n` });
  t.strictSame(mountpoints(directory), [directory]);
});

import { chown } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { findFusermount } from '../../lib/fuse/fusermount.js';
import '../fixtures/covered.js';
import { bcfs, run, type Outcome } from '../fixtures/command.js';
import { emptyDirectory, mountpoints, needsFuse } from '../fixtures/mounted.js';
import { somebody, withDevice } from '../fixtures/unprivileged.js';

/** What everybody who mounts does with it, in bash. */
const use = (mountpoint: string) => `
  D=${mountpoint}
  daemon() { for f in $(grep -slzxF -- $D /proc/[0-9]*/cmdline); do
    grep -qsz '/daemon.js$' $f && basename $(dirname $f); done; }
  gone() { while grep -q " $D " /proc/self/mountinfo || [[ $(daemon) ]]; do sleep 0.1; done; }
  mkdir $D/7 && echo 300 > $D/7/numtasks/limit && cat $D/7/numtasks/limit`;

t.test('the root of a user namespace mounts and unmounts in it', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const script = `
    "${bcfs}" ${directory} || exit
    ${use(directory)}
    grep " $D " /proc/self/mountinfo | grep -o 'user_id.*'
    "${bcfs}" umount $D && gone && echo unmounted
    "${bcfs}" $D && kill -KILL $(daemon) && gone && echo taken away`;
  const { code, stdout, stderr } = await run('unshare', ['-Urm', 'bash', '-c', script]);
  if (/^unshare: /.test(stderr)) return t.pass('not here', { skip: 'no user namespaces' });
  t.strictSame(
    { code, stdout, stderr: stderr.replace(/^bash: .*Killed.*\n/m, '') },
    {
      code: 0,
      stdout: '300\nuser_id=0,group_id=0,default_permissions\nunmounted\ntaken away\n',
      stderr: '',
    },
  );
  t.strictSame(mountpoints(directory), [], 'and nothing of it is outside');
});

const needsFusermount = {
  skip: needsFuse.skip || (findFusermount() === undefined && 'needs fusermount3 (the package fuse3)'),
} as const;

/** Runs a script as somebody who may open /dev/fuse, and write to a directory. */
async function asSomebody(t: Test, directory: string, script: string): Promise<Outcome> {
  await chown(directory, 65534, 65534);
  const [program = '', ...args] = [...(await withDevice(t, 'dev')), ...somebody];
  return run(program, [...args, 'bash', '-c', script]);
}

t.test('a user with fusermount mounts and unmounts, and the tree is his', needsFusermount, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout, stderr } = await asSomebody(
    t,
    directory,
    `
    "${bcfs}" ${directory} || exit
    ${use(directory)}
    stat -c %u:%g $D/7; grep " $D " /proc/self/mountinfo | grep -o 'user_id.*'
    (cd $D/0; "${bcfs}" umount $D 2> /dev/null; echo $?)
    "${bcfs}" umount $D && gone && echo unmounted
    "${bcfs}" $D && kill -TERM $(daemon) && gone && echo ended
    `,
  );
  t.strictSame(
    { code, stdout, stderr },
    {
      code: 0,
      stdout: '300\n65534:65534\nuser_id=65534,group_id=65534,default_permissions\n13\nunmounted\nended\n',
      stderr: '',
    },
  );
});

t.test(
  'a daemon of a user that is killed leaves no mount, or one that can be replaced',
  needsFusermount,
  async (t) => {
    const directory = await emptyDirectory(t);
    const { code, stdout, stderr } = await asSomebody(
      t,
      directory,
      `
    "${bcfs}" ${directory} || exit
    ${use(directory)}
    kill -KILL $(daemon) && gone && echo taken away
    "${bcfs}" -o noauto_unmount $D && kill -KILL $(daemon) && "${bcfs}" $D && cat $D/0/id
    "${bcfs}" umount -l $D && gone && echo detached`,
    );
    t.strictSame(
      { code, stdout, stderr },
      {
        code: 0,
        stdout: '300\ntaken away\n0\ndetached\n',
        stderr: '',
      },
    );
  },
);

t.test('what fusermount does not allow, it says', needsFusermount, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout, stderr } = await asSomebody(t, directory, `"${bcfs}" -o allow_other ${directory}`);
  t.strictSame({ code, stdout }, { code: 15, stdout: '' });
  t.match(stderr, /^bcfs: .*fusermount3?: option allow_other only allowed if .*\n$/);
});

import { writeFile } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs, root, run, type Outcome } from '../fixtures/command.js';
import { emptyDirectory, mountOn, mountpoints, needsFuse } from '../fixtures/mounted.js';

/** Options, a script in the mountpoint, and what it prints, errors included. */
const cases: [options: string, title: string, script: string, output: string][] = [
  [
    'ro',
    'refuses every change with EROFS, and lets values be read',
    `cat 0/id
     mkdir 1; rmdir 0; touch description; chmod 600 0; ln -s a b
     echo 1 > 0/numtasks/limit; echo $$ > 0/tasks`,
    `0
mkdir: cannot create directory '1': Read-only file system
rmdir: failed to remove '0': Read-only file system
touch: cannot touch 'description': Read-only file system
chmod: changing permissions of '0': Read-only file system
ln: failed to create symbolic link 'b': Read-only file system
bash: line 3: 0/numtasks/limit: Read-only file system
bash: line 3: 0/tasks: Read-only file system
`,
  ],
  ['ro,rw', 'of two that contradict each other takes the last', 'mkdir 1 && cat 1/id', '1\n'],
  [
    'strict',
    'is v6 to the letter',
    'mkdir 1; echo 1 > 1/numtasks/barrier; echo -n 1 > 1/numtasks/barrier; cat 1/numtasks/barrier; mkdir x; mkdir 01; cat 01/id',
    `bash: line 1: echo: write error: Invalid argument
1
mkdir: cannot create directory 'x': Cannot allocate memory
1
`,
  ],
  [
    'uid=3,gid=4',
    'gives the tree an owner and a group',
    "mkdir 1; stat -c '%u:%g %n' . 0 1/id 1/numtasks",
    '3:4 .\n3:4 0\n3:4 1/id\n3:4 1/numtasks\n',
  ],
  ['uid=0,gid=4294967294', 'takes owners of 32 bits', 'stat -c %u:%g .', '0:4294967294\n'],
  [
    'noexec,noatime',
    'passes what is the kernel’s on to it',
    'findmnt -no OPTIONS . | tr , "\\n" | grep -E "noexec|noatime" | sort',
    'noatime\nnoexec\n',
  ],
  [
    'nosuid,nodev',
    'takes what FUSE has anyway',
    'findmnt -no OPTIONS . | tr , "\\n" | grep -E "nosuid|nodev" | sort',
    'nodev\nnosuid\n',
  ],
  [
    'defaults,auto,noauto,nofail,_netdev,x-systemd.automount,x-gvfs-hide,,',
    'ignores what fstab has for others',
    'findmnt -no OPTIONS .',
    'rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions\n',
  ],
];

for (const [options, title, script, output] of cases) {
  t.test(`-o ${options} ${title}`, needsFuse, async (t) => {
    const cwd = await emptyDirectory(t);
    await mountOn(t, cwd, ['-o', options]);
    const { stdout } = await run('bash', ['-c', `exec 2>&1\n${script}`], { cwd });
    t.equal(
      stdout.replace(/line (\d)/g, (_, line: string) => `line ${Number(line) - 1}`),
      output,
    );
  });
}

t.test('options in several arguments add up', needsFuse, async (t) => {
  const cwd = await emptyDirectory(t);
  await mountOn(t, cwd, ['-o', 'ro', '-ouid=3', '--options', 'gid=4', '--options=uid=5']);
  t.strictSame(await bash('stat -c %u:%g .; findmnt -no OPTIONS . | cut -d, -f1', { cwd }), {
    code: 0,
    stdout: '5:4\nro\n',
    stderr: '',
  });
});

t.test('-o nonempty hides what is there, until it is unmounted', needsFuse, async (t) => {
  const cwd = await emptyDirectory(t);
  await writeFile(`${cwd}/hidden`, '');
  await mountOn(t, cwd, ['-o', 'nonempty']);
  t.equal((await run('ls', [cwd])).stdout, '0\ndescription\n');
  await run('umount', [cwd]);
  t.equal((await run('ls', [cwd])).stdout, 'hidden\n');
});

t.test('the helper of mount(8) passes on what it is given', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const helper = `${root}bin/mount.bcfs`;
  const done: Outcome = { code: 0, stdout: '', stderr: '' };
  t.strictSame(await run(helper, ['bcfs', directory, '-f', '-o', 'rw']), done, 'a dry run');
  t.strictSame(mountpoints(directory), []);
  t.strictSame(
    await run(helper, ['bcfs', directory, '-n', '-v', '-o', 'rw,uid=3,nofail', '-t', 'bcfs']),
    done,
  );
  t.equal((await run('stat', ['-c', '%u', directory])).stdout, '3\n');
  await run('umount', [directory]);
  t.strictSame(await run(helper, ['none', directory]), done, 'no options');
  t.strictSame((await run(helper, ['none', directory])).code, 13);
  t.strictSame((await run(helper, ['none', `${directory}/new`, '-o', 'foo'])).code, 2);
  t.strictSame(await run(bcfs, ['umount', directory]), done);
});

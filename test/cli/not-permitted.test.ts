import { chmod, mkdir } from 'node:fs/promises';
import t from 'tap';
import { transportNames } from '../../lib/fuse/transport.js';
import '../fixtures/covered.js';
import { bcfs, run, type Outcome } from '../fixtures/command.js';
import { nobody, onlyWith, somebody, withDevice } from '../fixtures/unprivileged.js';
import { emptyDirectory, isAlive, daemonOf, mountOn, mountpoints, needsFuse } from '../fixtures/mounted.js';
import { python } from '../fixtures/python.js';

/** Root without some capabilities. */
const without = (capabilities: string) => [
  'setpriv',
  ...['--bounding-set', capabilities, '--inh-caps', capabilities],
];

/** Root as in most containers. */
const confined = without('-sys_admin');

function as([program = '', ...args]: readonly string[], ...command: string[]): Promise<Outcome> {
  return run(program, [...args, ...command]);
}

const refused = (message: string): Outcome => ({ code: 15, stdout: '', stderr: `bcfs: ${message}\n` });

t.test('only root may mount where there is no fusermount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const poor = await onlyWith(t, 'node', 'env', 'setpriv', 'unshare', 'bash', 'mount', 'mknod');
  const mount = ([program = '', ...args]: readonly string[]) =>
    run(program, [...args, bcfs, directory], poor);
  t.strictSame(
    await mount(somebody),
    refused(
      `${directory}: the kernel refuses the mount (Operation not permitted); it needs root, or fusermount3 ` +
        '(the package fuse3), or a user namespace (unshare -Urm); without, try: bcfs sh',
    ),
  );
  t.strictSame(
    await mount([...(await withDevice(t, 'nodev')), ...somebody]),
    refused(
      '/dev/fuse: permission denied; it needs root, or fusermount3 (the package fuse3); without, try: bcfs sh',
    ),
  );
  t.strictSame(mountpoints(directory), []);
});

t.test('root without CAP_SYS_ADMIN may not mount, and leaves nothing behind', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(
    await as(confined, bcfs, directory),
    refused(`${directory}: the kernel refuses the mount (Operation not permitted); CAP_SYS_ADMIN is needed`),
  );
  t.strictSame(mountpoints(directory), []);
});

t.test('a way that may not be gone is no mountpoint', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mkdir(`${directory}/closed/in`, { recursive: true });
  await chmod(`${directory}/closed`, 0);
  const blind = without('-dac_override,-dac_read_search');
  t.strictSame(
    await as(blind, bcfs, '--host', 'none', `${directory}/closed/in`),
    refused(`${directory}/closed/in: permission denied on the way there`),
  );
});

t.test('only root with CAP_SYS_ADMIN may unmount, and what is mounted stays', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  const poor = await onlyWith(t, 'node', 'env', 'setpriv');
  for (const [program = '', ...args] of [somebody, confined]) {
    for (const flags of [[], ['--lazy']]) {
      t.strictSame(
        await run(program, [...args, bcfs, 'umount', ...flags, directory], poor),
        refused(`${directory}: only root with CAP_SYS_ADMIN can unmount, or who mounted by fusermount`),
      );
    }
  }
  t.ok(isAlive(daemon));
  t.strictSame(mountpoints(directory), [directory]);
});

t.test('a mount that lets nobody else in is still known for one', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  t.strictSame(await as(somebody, bcfs, directory), {
    code: 13,
    stdout: '',
    stderr: `bcfs: ${directory}: a bcfs is mounted there already; end it with: bcfs umount ${directory}\n`,
  });
});

t.test('without allow_other nobody else gets in', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await chmod(directory, 0o755);
  await mountOn(t, directory);
  t.strictSame(await as(nobody, 'ls', directory), {
    code: 2,
    stdout: '',
    stderr: `ls: cannot access '${directory}': Permission denied\n`,
  });
});

t.test('with allow_other everybody gets in, as the modes allow', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory, ['-o', 'allow_other']);
  const script = `cd ${directory}
    cat 0/id
    mkdir 1 || rmdir 0
    echo 1 > 0/numtasks/limit
    echo $$ > 0/tasks
    touch description
    chmod 666 description`;
  t.strictSame(await as(nobody, 'bash', '-c', script), {
    code: 1,
    stdout: '0\n',
    stderr:
      "mkdir: cannot create directory '1': Permission denied\n" +
      "rmdir: failed to remove '0': Permission denied\n" +
      'bash: line 4: 0/numtasks/limit: Permission denied\n' +
      'bash: line 5: 0/tasks: Permission denied\n' +
      "touch: cannot touch 'description': Permission denied\n" +
      "chmod: changing permissions of 'description': Operation not permitted\n",
  });
});

t.test('with allow_other and uid= the tree is that user’s', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory, ['-o', 'allow_other,uid=65534', '-o', 'gid=65533']);
  const script = `cd ${directory}
    stat -c %u:%g . 0 0/tasks
    mkdir 1 && echo 100 > 1/numtasks/barrier && cat 1/numtasks/barrier && echo $$ > 1/tasks && rmdir 1
    cat 0/tasks`;
  t.strictSame(await as(nobody, 'bash', '-c', script), {
    code: 1,
    stdout: '65534:65533\n65534:65533\n65534:65533\n100\n',
    stderr: 'cat: 0/tasks: Permission denied\n',
  });
});

/** A root program that serves another user, as file servers do: the kernel judges it by its fsuid. */
const asFileServer = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.chdir(sys.argv[1])
libc.setfsgid(65534); libc.setfsuid(65534)
def write(path): os.write(os.open(path, os.O_WRONLY), b'0')
for name, call in [
    ('mkdir', lambda: os.mkdir('8')), ('rmdir', lambda: os.rmdir('7')), ('chmod', lambda: os.chmod('7', 0o777)),
    ('chown', lambda: os.chown('7/tasks', 65534, 65534)), ('limit', lambda: write('7/numtasks/limit')),
    ('tasks', lambda: write('7/tasks')),
]:
    try: call(); print(name, 'done')
    except OSError as error: print(name, error.strerror)
`;

for (const transport of transportNames) {
  t.test(`over ${transport} who serves another user by setfsuid has his rights`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    await mountOn(t, directory, ['--transport', transport]);
    await mkdir(`${directory}/7`);
    const { stdout } = await run(python, ['-c', asFileServer, directory]);
    t.strictSame(stdout.trimEnd().split('\n'), [
      'mkdir Permission denied',
      'rmdir Permission denied',
      'chmod Operation not permitted',
      'chown Operation not permitted',
      'limit Permission denied',
      'tasks Permission denied',
    ]);
  });
}

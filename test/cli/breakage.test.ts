import { mkdir, open, readdir, symlink } from 'node:fs/promises';
import t from 'tap';
import { transportNames } from '../../lib/fuse/transport.js';
import '../fixtures/covered.js';
import { bash, bcfs, root, run } from '../fixtures/command.js';
import {
  daemonOf,
  emptyDirectory,
  isAlive,
  mounted,
  mountpoints,
  needsFuse,
  until,
} from '../fixtures/mounted.js';

t.test('a path through a link and .. is the one that the kernel follows', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  for (const path of ['a/x', 'real/sub', 'real/x']) await mkdir(`${directory}/${path}`, { recursive: true });
  await symlink(`${directory}/real/sub`, `${directory}/a/l`);
  const { code } = await run(bcfs, ['l/../x'], { cwd: `${directory}/a` });
  t.equal(code, 0);
  t.strictSame(mountpoints(directory), [`${directory}/real/x`]);
  t.equal((await run(bcfs, ['umount', 'l/../x'], { cwd: `${directory}/a` })).code, 0);
  t.strictSame(mountpoints(directory), []);
});

for (const transport of transportNames) {
  t.test(
    `a mount that somebody detached is served to its last user, over ${transport}`,
    needsFuse,
    async (t) => {
      const mountpoint = await mounted(t, ['--transport', transport]);
      const daemon = daemonOf(mountpoint);
      const directory = await open(mountpoint);
      t.teardown(() => directory.close().catch(() => undefined));
      t.equal((await run('umount', ['-l', mountpoint])).code, 0);
      // Twice as long as the daemon takes to look.
      await new Promise((resolve) => setTimeout(resolve, 2200));
      t.strictSame((await readdir(`/proc/self/fd/${directory.fd}`)).sort(), ['0', 'description']);
      await directory.close();
      await until('the daemon has ended', () => !isAlive(daemon));
    },
  );

  t.test(`a mount under another ends when that one has gone, over ${transport}`, needsFuse, async (t) => {
    const mountpoint = await mounted(t, ['--transport', transport]);
    const daemon = daemonOf(mountpoint);
    t.equal((await run('mount', ['-t', 'tmpfs', 'over', mountpoint])).code, 0);
    process.kill(daemon, 'SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.ok(isAlive(daemon), 'it does not leave a dead mount behind');
    t.equal((await run('umount', [mountpoint])).code, 0);
    await until('the daemon has ended', () => !isAlive(daemon));
    t.strictSame(mountpoints(mountpoint), []);
  });

  t.test(`an aborted mount is taken away, over ${transport}`, needsFuse, async (t) => {
    const mountpoint = await mounted(t, ['--transport', transport]);
    const daemon = daemonOf(mountpoint);
    const connection = `$(sed -n 's|^[^ ]* [^ ]* 0:\\([0-9]*\\) / ${mountpoint} .*|\\1|p' /proc/self/mountinfo)`;
    const { code } = await bash(`
      control=$(mktemp -d) && mount -t fusectl fusectl $control && echo 1 > $control/${connection}/abort
      status=$?; umount $control && rmdir $control; exit $status`);
    t.equal(code, 0);
    await until('the daemon has ended', () => !isAlive(daemon));
    t.strictSame(mountpoints(mountpoint), []);
  });
}

t.test(
  'two mounts of one program on one directory: the first wins, the other is told',
  needsFuse,
  async (t) => {
    const mountpoint = await emptyDirectory(t);
    const program = `
    import { beancounterTree, mount, Registry } from '${root}dist/lib/index.js';
    const tree = beancounterTree(new Registry());
    const results = await Promise.allSettled([1, 2].map(() => mount(tree, process.argv[1])));
    const { readFile } = await import('node:fs/promises');
    console.log(results.map(({ status, reason }) => reason?.code ?? status).join(' '));
    console.log((await readFile(process.argv[1] + '/0/id', 'utf8')).trim());
    await results[0].value.unmount();
    process.exit();`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program, mountpoint]);
    t.equal(stdout, 'fulfilled EBUSY\n0\n');
  },
);

t.test("libfuse's stack size in the environment does not count", needsFuse, async (t) => {
  const mountpoint = await emptyDirectory(t);
  t.equal((await run(bcfs, ['-t', 'fuse-native', mountpoint], { env: { FUSE_THREAD_STACK: '-1' } })).code, 0);
  t.equal((await run(bcfs, ['umount', mountpoint])).code, 0);
});

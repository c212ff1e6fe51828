/** Too little of something: what works, works wholly, and what does not fails in one line and leaves nothing. */
import { mkdirSync, rmdirSync, writeFileSync, existsSync } from 'node:fs';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs } from '../fixtures/command.js';
import { daemons, emptyDirectory, mountpoints, needsFuse, until } from '../fixtures/mounted.js';
import { soak } from '../fixtures/soak.js';

t.test('with 64 descriptors it works', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const script = `ulimit -n 64; "${bcfs}" ${directory} && mkdir ${directory}/7 && cat ${directory}/7/id && "${bcfs}" umount ${directory}`;
  t.strictSame(await bash(script), { code: 0, stdout: '7\n', stderr: '' });
});

/** Node itself does not start with fewer than about 18. */
const few = Array.from({ length: soak(4, 22) }, (_, i) => 24 + Math.round((i * 22) / soak(4, 22)));

for (const limit of few) {
  t.test(`with ${limit} descriptors it works, or fails in one line`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const { code, stdout, stderr } = await bash(`ulimit -n ${limit}; exec "${bcfs}" ${directory}`);
    t.equal(stdout, '');
    if (code === 0) {
      t.strictSame(await bash(`cat ${directory}/0/id && umount ${directory}`), {
        code: 0,
        stdout: '0\n',
        stderr: '',
      });
    } else {
      t.equal(code, 1);
      t.match(stderr, /^bcfs: (the daemon cannot serve it: )?[^\n]*(too many open files|EMFILE)[^\n]*\n$/i);
    }
    if (limit === 24) t.equal(code, 1);
    t.strictSame(mountpoints(directory), []);
    await until('the daemon has ended', () => daemons(directory).length === 0);
  });
}

const MEMORY = '/sys/fs/cgroup/memory';
const needsMemory = {
  skip: needsFuse.skip || (!existsSync(`${MEMORY}/memory.limit_in_bytes`) && 'needs cgroup v1 memory'),
} as const;

for (const [megabytes, works] of [
  [100, true],
  [8, false],
  [2, false],
] as const) {
  t.test(
    `with ${megabytes} MB of memory it ${works ? 'works' : 'leaves nothing'}`,
    needsMemory,
    async (t) => {
      const directory = await emptyDirectory(t);
      const group = `${MEMORY}/bcfs-test-${process.pid}-${megabytes}`;
      mkdirSync(group);
      t.teardown(async () => {
        // One that has ended is in it until it was waited for.
        await until('the cgroup is removed', () => {
          try {
            rmdirSync(group);
          } catch {
            return false;
          }
          return true;
        });
      });
      writeFileSync(`${group}/memory.limit_in_bytes`, String(megabytes * 2 ** 20));
      // The daemon alone: the command has the memory that it needs to say what has become of it.
      const preload = `import { writeFileSync } from 'node:fs';
      if (process.argv[1]?.endsWith('/daemon.js')) writeFileSync('${group}/cgroup.procs', String(process.pid));`;
      const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` };
      const { code, stderr } = await bash(`exec "${bcfs}" ${directory}`, { env });
      if (works) {
        t.strictSame({ code, stderr }, { code: 0, stderr: '' });
        const script = `cd ${directory}; mkdir {1..200} && ls -R | wc -l; cd /; umount ${directory}`;
        t.equal((await bash(script)).code, 0);
      } else {
        t.strictSame(
          { code, stderr },
          { code: 1, stderr: 'bcfs: the daemon ended before it mounted (SIGKILL)\n' },
        );
      }
      t.strictSame(mountpoints(directory), []);
    },
  );
}

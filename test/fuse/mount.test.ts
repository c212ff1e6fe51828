import { readFile } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs, root, run } from '../fixtures/command.js';
import { embed } from '../fixtures/embedded.js';
import { preloaded } from '../fixtures/foreground.js';
import { emptyDirectory, mountOn, mountpoints, needsFuse } from '../fixtures/mounted.js';

/** What each program begins with. */
const prologue = (directory: string) => `
  import { open, readdir, readFile } from 'node:fs/promises';
  import { BcfsError, beancounterTree, Group, mount, Registry, Tree } from './dist/lib/index.js';
  import { mountDevice } from './dist/lib/fuse/device.js';
  import { mountWith } from './dist/lib/fuse/mount.js';
  const directory = ${JSON.stringify(directory)};
  const tree = () => beancounterTree(new Registry());
  const refused = ({ name, code, message, cause }) => console.log(name, code, message, cause ?? '');
`;

t.test('three lines mount a tree', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout, stderr } = await embed(`
    ${prologue(directory)}
    const mounted = await mount(tree(), directory);
    console.log(mounted.mountpoint === directory, await readdir(directory), await readFile(directory + '/0/id', 'utf8'));
    await mounted.unmount();
    await mounted.gone;
    await mounted.unmount();
    process.exit();
  `);
  t.strictSame(
    { code, stdout, stderr },
    { code: 0, stdout: "true [ '0', 'description' ] 0\n\n", stderr: '' },
  );
  t.strictSame(mountpoints(directory), []);
});

t.test('a mount that nobody answers for is taken away, by who may', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout, stderr } = await embed(`
    ${prologue(directory)}
    const mounted = await mount(tree(), directory);
    process.env.PATH = '/nowhere';
    process.seteuid(65534);
    console.log(mounted.abort());
    process.seteuid(0);
    console.log(mounted.abort().replace(/^connection \\d+ aborted, /, ''));
    await mounted.gone;
    console.log(mounted.abort());
    process.exit();
  `);
  t.strictSame(
    { code, stdout, stderr },
    {
      code: 0,
      stdout: `umount ${directory}: Operation not permitted\nunmounted\nnothing is left of the mount\n`,
      stderr: '',
    },
  );
  t.strictSame(mountpoints(directory), []);
});

t.test('a mount that is in use is not unmounted, but detached', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout } = await embed(`
    ${prologue(directory)}
    const mounted = await mount(tree(), directory);
    const file = await open(directory + '/0/id');
    await mounted.unmount().catch(refused);
    console.log(await file.readFile('utf8'));
    await mounted.unmount(true);
    // What a server has open on its own mount would wait for its own answer when it ends.
    await file.close();
    process.exit();
  `);
  t.strictSame(
    { code, stdout },
    {
      code: 0,
      stdout:
        `BcfsError EBUSY ${directory}: in use; see who: fuser -vm ${directory}; ` +
        `or detach it: bcfs umount -l ${directory} \n0\n\n`,
    },
  );
  t.strictSame(mountpoints(directory), []);
});

t.test('one process mounts several trees, at once too', needsFuse, async (t) => {
  const [one, two] = [await emptyDirectory(t), await emptyDirectory(t)];
  const { code, stdout } = await embed(`
    ${prologue(one)}
    const [first, second] = await Promise.all([mount(tree(), directory), mount(new Tree(new Group()), '${two}')]);
    console.log(await readdir(directory), await readdir('${two}'));
    await first.unmount();
    console.log(await readdir(directory), await readdir('${two}'));
    await second.unmount();
    process.exit();
  `);
  t.strictSame({ code, stdout }, { code: 0, stdout: "[ '0', 'description' ] []\n[] []\n" });
});

t.test('a mount is gone when somebody has unmounted it', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout } = await embed(`
    ${prologue(directory)}
    import { execFile } from 'node:child_process';
    const mounted = await mount(tree(), directory);
    execFile('umount', [directory]);
    await mounted.gone;
    console.log('gone');
    await mounted.unmount();
    process.exit();
  `);
  t.strictSame({ code, stdout }, { code: 0, stdout: 'gone\n' });
});

for (const transport of ['fuse-native', 'dev-fuse']) {
  t.test(
    `a mistake in a tree is EIO for who asked, and a warning, over ${transport}`,
    needsFuse,
    async (t) => {
      const directory = await emptyDirectory(t);
      const { code, stdout, stderr } = await embed(`
      ${prologue(directory)}
      class Faulty extends Tree {
        readdir() { throw new Error('a mistake'); }
      }
      const mounted = await mount(new Faulty(new Group()), directory, { transport: '${transport}' });
      await readdir(directory).catch(({ code }) => console.log(code));
      await mounted.unmount();
      process.exit();
    `);
      t.strictSame({ code, stdout }, { code: 0, stdout: 'EIO\n' });
      t.match(stderr, /FuseWarning: READDIR.*Error: a mistake\n/i);
    },
  );
}

/** What may go wrong with what carries a tree, and what comes of it. */
const failures: [title: string, carry: string, outcome: string][] = [
  [
    'mounts nothing',
    'async () => () => true',
    'BcfsError EPERM D: the kernel refuses the mount (nothing is mounted); CAP_SYS_ADMIN is needed',
  ],
  [
    'fails',
    "async () => { throw new Error('no luck'); }",
    'BcfsError EPERM D: the kernel refuses the mount (no luck); CAP_SYS_ADMIN is needed',
  ],
  [
    'fails with what is no Error',
    "async () => { throw 'no luck'; }",
    'BcfsError EPERM D: the kernel refuses the mount (no luck); CAP_SYS_ADMIN is needed',
  ],
  [
    'fails with an error of its own',
    "async () => { throw new BcfsError('ENODEV', 'no luck'); }",
    'BcfsError ENODEV no luck',
  ],
  [
    'mounts, and fails',
    "async (path, options) => { mountDevice(path, options, false); throw new BcfsError('ENODEV', 'no luck'); }",
    'BcfsError ENODEV no luck',
  ],
  [
    'mounts, and does not answer',
    'async (path, options) => { mountDevice(path, options, false); return () => true; }',
    'BcfsError ETIMEDOUT D: the mount does not answer',
  ],
  [
    'does not come to an end',
    '() => new Promise(() => {})',
    'BcfsError ETIMEDOUT D: the mount does not answer',
  ],
];

for (const [title, carry, outcome] of failures) {
  t.test(`nothing stays mounted when what carries it ${title}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const { code, stdout, stderr } = await embed(`
      ${prologue(directory)}
      await mountWith(${carry}, directory, {}).catch(({ name, code, message }) => console.log(name, code, message));
      process.exit();
    `);
    t.strictSame(
      { code, stdout, stderr },
      { code: 0, stdout: `${outcome.replace(' D:', ` ${directory}:`)}\n`, stderr: '' },
    );
    t.strictSame(mountpoints(directory), []);
  });
}

t.test('somebody who was faster keeps his mount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout } = await embed(`
    ${prologue(directory)}
    import { spawn } from 'node:child_process';
    import { once } from 'node:events';
    const carry = async (path) => {
      await once(spawn('mount', ['-t', 'tmpfs', 'none', path]), 'exit');
      throw new Error('Mountpoint in use');
    };
    await mountWith(carry, directory, {}).catch(refused);
    process.exit();
  `);
  t.strictSame(
    { code, stdout },
    { code: 0, stdout: `BcfsError EBUSY ${directory}: in use, somebody else has mounted there meanwhile \n` },
  );
  t.strictSame(mountpoints(directory), [directory]);
  await run('umount', [directory]);
});

t.test('of several at once one mounts', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => run(bcfs, [directory])));
  t.strictSame(outcomes.map(({ code }) => code).sort(), [0, 13, 13, 13, 13, 13]);
  for (const { stderr } of outcomes)
    t.match(stderr, /^(bcfs: .*: (a bcfs is mounted there already|in use), .*\n)?$|already;/);
  t.strictSame(mountpoints(directory), [directory]);
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
  await run(bcfs, ['umount', directory]);
});

t.test('a mount that answers with an error is alive', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const { stdout } = await embed(`
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    fs.promises.statfs = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
    syncBuiltinESMExports();
    const { mountWith } = await import('./dist/lib/fuse/mount.js');
    await mountWith(() => {}, ${JSON.stringify(directory)}, {}).catch(({ code }) => console.log(code));
  `);
  t.equal(stdout, 'EBUSY\n');
});

t.test('nothing stays mounted when there is no descriptor left to look for it', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout } = await bash(
    `ulimit -n 60; exec ${process.execPath} --input-type=module -e "$PROGRAM"`,
    {
      cwd: root,
      env: {
        PROGRAM: `
      ${prologue(directory)}
      import { openSync } from 'node:fs';
      const carry = async (path, options) => {
        mountDevice(path, options, false);
        try { for (;;) openSync('/dev/null'); } catch {}
        return () => true;
      };
      await mountWith(carry, directory, {}).catch(refused);
      process.exit();`,
      },
    },
  );
  t.strictSame(
    { code, stdout },
    { code: 0, stdout: `BcfsError EMFILE ${directory}: Too many open files \n` },
  );
  t.strictSame(mountpoints(directory), []);
});

t.test(
  'a mountpoint that somebody has locked is waited for, and given up in the end',
  needsFuse,
  async (t) => {
    const directory = await emptyDirectory(t);
    const script = `
    exec 9< ${directory}; flock 9
    "${bcfs}" ${directory} 9<&- & sleep 0.5; grep -c " ${directory} " /proc/self/mountinfo
    exec 9<&-; wait $!; cat ${directory}/0/id; umount ${directory}`;
    t.strictSame(await bash(script), { code: 0, stdout: '0\n0\n', stderr: '' });
    const hurried = preloaded(`
    const { now } = performance;
    if (process.argv[1].endsWith('daemon.js')) performance.now = () => now.call(performance) * 20;`);
    t.strictSame(await bash(`exec flock ${directory} "${bcfs}" ${directory}`, hurried), {
      code: 13,
      stdout: '',
      stderr: `bcfs: ${directory}: in use, somebody else is about to mount there, or has it locked\n`,
    });
    t.strictSame(mountpoints(directory), []);
  },
);

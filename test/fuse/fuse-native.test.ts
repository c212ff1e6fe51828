import { chmod, readFile } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs, run } from '../fixtures/command.js';
import { embed } from '../fixtures/embedded.js';
import { preloaded } from '../fixtures/foreground.js';
import { emptyDirectory, mounted, mountpoints, needsFuse } from '../fixtures/mounted.js';
import { nobody } from '../fixtures/unprivileged.js';

const OVER_FUSE_NATIVE = ['--transport', 'fuse-native'];

t.test('a machine where it does not load is told so in one line', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const broken = preloaded(`
    import Module from 'node:module';
    const load = Module._load;
    Module._load = (name, ...rest) => {
      if (name === 'fuse-native') throw new Error('libfuse.so.2: cannot open\\nand more');
      return load(name, ...rest);
    };`);
  t.strictSame(await run(bcfs, [...OVER_FUSE_NATIVE, directory], broken), {
    code: 14,
    stdout: '',
    stderr: 'bcfs: fuse-native does not load: libfuse.so.2: cannot open\n',
  });
  t.strictSame(mountpoints(directory), []);
});

t.test('with few threads in libuv’s pool it serves all the same', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code } = await run(bcfs, [...OVER_FUSE_NATIVE, directory], { env: { UV_THREADPOOL_SIZE: '2' } });
  t.equal(code, 0);
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
  await run('umount', [directory]);
});

t.test('one whose own process may not look at it serves who may, at once', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await chmod(directory, 0o755);
  // The kernel lets in whom it takes for the one who mounts: the real user, who is not root here.
  const { code } = await run('setpriv', [
    ...['--ruid', '65534', '--rgid', '65534', '--clear-groups'],
    ...[bcfs, '--host', 'none', ...OVER_FUSE_NATIVE, directory],
  ]);
  t.equal(code, 0);
  const { stdout } = await run('env', [...nobody, 'timeout', '20', 'cat', `${directory}/0/id`]);
  t.equal(stdout, '0\n');
  await run('umount', ['-l', directory]);
});

t.test('what a handler throws is EIO for who asked, and the next request is served', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout, stderr } = await embed(`
    import { open, readdir, stat } from 'node:fs/promises';
    import { beancounterTree, mount, Registry } from './dist/lib/index.js';
    const tree = beancounterTree(new Registry());
    const real = tree.getattr.bind(tree);
    tree.getattr = (node) => {
      if (!(node.attribute?.name === 'description')) return real(node);
      throw new Error('a mistake');
    };
    const lines = [];
    const mounted = await mount(tree, ${JSON.stringify(directory)}, { transport: 'fuse-native', log: (line) => lines.push(line.split('\\n')[0]) });
    await stat(mounted.mountpoint + '/description').catch(({ code }) => console.log(code));
    console.log((await stat(mounted.mountpoint + '/0/id')).size);
    await mounted.unmount();
    console.log(lines.join('\\n'));
    process.exit();
  `);
  t.strictSame(
    { code, stdout, stderr },
    { code: 0, stdout: 'EIO\n4096\ngetattr /description: Error: a mistake\n', stderr: '' },
  );
});

t.test(
  'libfuse passes on times only in pairs: touch -a or -m alone changes nothing',
  needsFuse,
  async (t) => {
    const cwd = await mounted(t, OVER_FUSE_NATIVE);
    t.strictSame(
      await bash('touch -d @5 0/id; touch -a -d @6 0/id; touch -m -d @7 0/id; stat -c "%X %Y" 0/id', { cwd }),
      {
        code: 0,
        stdout: '5 5\n',
        stderr: '',
      },
    );
  },
);

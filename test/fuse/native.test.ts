import t from 'tap';
import '../fixtures/covered.js';
import { embed } from '../fixtures/embedded.js';
import { emptyDirectory } from '../fixtures/mounted.js';

const run = (code: string) =>
  embed(`
  import * as native from './dist/lib/fuse/native.js';
  const attempt = (call) => {
    try {
      console.log('done', call());
    } catch ({ name, code, message }) {
      console.log(name, code, message);
    }
  };
  ${code}
`);

t.test('umount of what is not mounted is refused', async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(
    await run(`
      attempt(() => native.umount('${directory}', 0));
      attempt(() => native.umount('${directory}/new', native.MNT_DETACH));`),
    {
      code: 0,
      stdout:
        `BcfsError EINVAL umount ${directory}: Invalid argument\n` +
        `BcfsError ENOENT umount ${directory}/new: No such file or directory\n`,
      stderr: '',
    },
  );
});

t.test('a descriptor that is not open is refused', async (t) => {
  t.strictSame(await run('attempt(() => native.closeOnExec(-1));'), {
    code: 0,
    stdout: 'BcfsError EBADF fcntl: Bad file descriptor\n',
    stderr: '',
  });
});

t.test('standard error is diverted, and given back', async (t) => {
  t.strictSame(
    await run(`
      import { writeSync } from 'node:fs';
      writeSync(2, 'before ');
      const saved = native.divertStderr();
      writeSync(2, 'nowhere ');
      writeSync(saved, 'around ');
      native.restoreStderr(saved);
      writeSync(2, 'after');`),
    { code: 0, stdout: '', stderr: 'before around after' },
  );
});

t.test('the descriptors of /dev/fuse are known, and closed in children', async (t) => {
  t.strictSame(
    await run(`
      import { spawnSync } from 'node:child_process';
      import { closeSync, openSync } from 'node:fs';
      const child = (fd) => spawnSync('readlink', ['/proc/self/fd/' + fd]).stdout.toString().trim();
      console.log(native.fuseDescriptors(), native.isFuse(0), native.isFuse(999));
      const fd = openSync('/dev/zero');
      native.closeOnExec(fd);
      console.log(child(fd) === '', native.isFuse(fd));
      closeSync(fd);`),
    { code: 0, stdout: '[] false false\ntrue false\n', stderr: '' },
  );
});

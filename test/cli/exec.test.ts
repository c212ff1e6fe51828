import t from 'tap';
import '../fixtures/covered.js';
import { root, run } from '../fixtures/command.js';
import { needsFuse } from '../fixtures/mounted.js';

/** Has Node, which raises the soft limit of open files, put it back. It prints what the limit is then. */
const restore = `
  import { readFileSync } from 'node:fs';
  import { restoreOpenFiles } from ${JSON.stringify(`${root}dist/lib/cli/exec.js`)};
  restoreOpenFiles();
  console.log(/^Max open files +(\\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);`;

const node = [process.execPath, '--input-type=module', '-e', restore];

t.test('the limit of open files is the parent’s', async (t) => {
  // A parent that is no Node.
  const shell = ['bash', '-c', '"$@"; true', 'sh', ...node];
  t.equal((await run('prlimit', ['--nofile=100:1000', ...shell])).stdout, '100\n');
});

// Root's, as a mount is.
t.test('without a parent that is seen from here it stays', needsFuse, async (t) => {
  const alone = ['unshare', '-pf', '--mount-proc', ...node];
  t.equal((await run('prlimit', ['--nofile=100:1000', ...alone])).stdout, '1000\n');
});

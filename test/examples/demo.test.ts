import { readdir } from 'node:fs/promises';
import t from 'tap';
import { bash, root, run } from '../fixtures/command.js';
import { emptyDirectory, needsFuse } from '../fixtures/mounted.js';
import { start } from './example.js';

const demo = `${root}dist/examples/demo.js`;

t.test('the demo shows the session on a mount, and leaves nothing behind', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { code, stdout, stderr } = await run(process.execPath, [demo], { env: { TMPDIR: directory } });
  t.strictSame({ code, stderr }, { code: 0, stderr: '' });
  const [session = '', program = ''] = stdout
    .replace(/\/\S*\/bcfs-demo-\w+\//g, '/')
    .split(/\nA program.*\n\n/);
  t.equal(
    session.replaceAll('\t', '  '),
    `\
# mkdir -p /bc && bin/bcfs /bc
# ls /bc
0  description
# mkdir /bc/1
# ls /bc/1
id  kmemsize  numfiles  numtasks  physpages  privvmpages  tasks  threads
# cat /bc/1/numtasks/limit
128
# echo 200 > /bc/1/numtasks/limit && echo 150 > /bc/1/numtasks/barrier
# echo 500 > /bc/1/numtasks/barrier
bash: echo: write error: Invalid argument
# echo $$ > /bc/1/tasks
# rmdir /bc/1; bin/bcfs umount /bc
`,
  );
  t.match(program, '# cat /tenants/7/connections/held\n5\n');
  t.match(program, '# cat /tenants/7/connections/held\n8\n');
  t.strictSame(await readdir(directory), []);
});

t.test('without /dev/fuse the demo shows the session in bcfs sh, and says so', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  // A /dev of its own, with nothing in it but what every program needs.
  const { code, stdout, stderr } = await bash(
    `exec unshare -m bash -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$0" "$@"' \\
       ${process.execPath} ${demo}`,
    { env: { TMPDIR: directory } },
  );
  t.strictSame({ code, stderr }, { code: 0, stderr: '' });
  const [session = '', program = ''] = stdout
    .replace(/\/\S*\/bcfs-demo-\w+\//g, '/')
    .split(/\nA program.*\n\n/);
  t.equal(
    session.replace(/^(bcfs: no \/dev\/fuse).*$/m, '$1').replaceAll('\t', '  '),
    `\
# mkdir -p /bc && bin/bcfs /bc
bcfs: no /dev/fuse

Nothing can be mounted here, so this is the same session without a mount, in: bin/bcfs sh

# ls -C /
0  description
# mkdir /1
# ls -C /1
id  kmemsize  numfiles  numtasks  physpages  privvmpages  tasks  threads
# cat /1/numtasks/limit
128
# echo 200 > /1/numtasks/limit && echo 150 > /1/numtasks/barrier
# echo 500 > /1/numtasks/barrier
bcfs: echo: write error: Invalid argument
# echo $$ > /1/tasks
# rmdir /1
`,
  );
  t.match(program, 'tenant 7 is refused connection 6\n');
  t.strictSame(await readdir(directory), []);
});

for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  t.test(`${signal} in the middle of the demo leaves nothing behind`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const { child, closed, said, stdout } = start(t, '--import', setTmpdir(directory), demo);
    await said('0  description');
    child.kill(signal);
    t.strictSame(await closed, [code, null]);
    t.match(stdout(), /^demo: interrupted$/m);
    t.strictSame(await readdir(directory), []);
  });
}

/** A module that sets TMPDIR. */
function setTmpdir(directory: string): string {
  return `data:text/javascript,process.env.TMPDIR=${JSON.stringify(directory)}`;
}

t.test('a session that does not print what it should fails the demo', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  // Somebody else's cat.
  const { code, stdout } = await bash(
    `cd ${directory} && mkdir bin tmp && printf '#!/bin/sh\\necho 129\\n' > bin/cat && chmod +x bin/cat &&
     PATH=$PWD/bin:$PATH TMPDIR=$PWD/tmp exec ${process.execPath} ${demo}`,
  );
  t.equal(code, 1);
  t.match(stdout, /numtasks\/limit\n129\ndemo: not what it should print:\n128\n/);
  t.strictSame(await readdir(`${directory}/tmp`), []);
});

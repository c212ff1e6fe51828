import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import '../fixtures/covered.js';
import { actor } from '../fixtures/actor.js';
import { python } from '../fixtures/python.js';
import { bash, bcfs, run } from '../fixtures/command.js';
import { needsCgroup } from '../fixtures/live.js';
import { liveMount } from '../fixtures/live-mount.js';
import { needsFuse } from '../fixtures/mounted.js';
import { nobody, reader } from '../fixtures/unprivileged.js';

const options = { ...needsFuse, ...needsCgroup };

/** The uid of `nobody`. */
const NOBODY = 65534;

const REFUSED = /Operation not permitted/;

/** A mount that others may use, with a beancounter 1; a task of nobody's own, and one of root's. */
async function shared(t: Test, transport: string, mountOptions = '') {
  const bc = await liveMount(t, ['--transport', transport, '-o', `allow_other${mountOptions}`]);
  await mkdir(`${bc}/1`);
  const tasks = { own: await actor(t, nobody), roots: await actor(t) };
  /** Writes a pid as nobody. @returns what the shell says to it */
  const write = async (pid: number, file = 'tasks') => {
    const [command = '', ...args] = nobody;
    const script = `echo ${pid} > ${bc}/1/${file}`;
    return (await run(command, [...args, 'bash', '-c', script], { cwd: '/' })).stderr;
  };
  const isInside = async ({ pid }: { readonly pid: number }) =>
    (await run(bcfs, ['which', `${pid}`, bc])).stdout === 'Bcid:\t1\n';
  return { bc, write, isInside, ...tasks };
}

for (const transport of ['dev-fuse', 'fuse-native']) {
  t.test(`only root may write tasks over ${transport}`, options, async (t) => {
    const { bc, write, isInside, own, roots } = await shared(t, transport);
    for (const file of ['tasks', 'threads']) {
      t.match(await write(own.pid, file), /Permission denied/, file);
      t.match(await write(roots.pid, file), /Permission denied/, file);
    }
    t.notOk((await isInside(own)) || (await isInside(roots)));
    for (const { pid } of [own, roots]) await writeFile(`${bc}/1/tasks`, `${pid}`);
    t.ok((await isInside(own)) && (await isInside(roots)));
  });
}

for (const [how, mountOptions] of [
  ['after a chown', ''],
  ['with -o uid=', `,uid=${NOBODY}`],
] as const) {
  /** Has nobody own both files. */
  const give = async (bc: string) => {
    if (mountOptions !== '') return;
    for (const file of ['tasks', 'threads']) await chown(`${bc}/1/${file}`, NOBODY, NOBODY);
  };

  t.test(`over dev-fuse a user moves his own tasks only, ${how}`, options, async (t) => {
    const { bc, write, isInside, own, roots } = await shared(t, 'dev-fuse', mountOptions);
    await give(bc);
    for (const file of ['tasks', 'threads']) {
      t.match(await write(roots.pid, file), REFUSED, file);
      t.notOk(await isInside(roots), `another user's task stays: ${file}`);
      t.equal(await write(own.pid, file), '', file);
      t.ok(await isInside(own), file);
      await writeFile(`${bc}/0/tasks`, `${own.pid}`);
      t.notOk(await isInside(own));
    }
    await writeFile(`${bc}/1/tasks`, `${roots.pid}`);
    t.ok(await isInside(roots), 'root moves whom it likes');
    const command = [bcfs, 'run', `${bc}/1`, '--', 'cat', `${bc}/1/numtasks/held`];
    const held = async (as: readonly string[]) => (await run('env', [...as, ...command])).stdout;
    t.equal(await held(reader), '0\n', 'whoever may not ask the daemon is moved there');
    t.equal(await held([]), '1\n', 'and root is charged there');
    const none = await run(bcfs, ['run', '--set', 'numtasks=0', `${bc}/1`, '--', 'true']);
    t.match(none, { code: 1, stderr: /numtasks of 1 is at its limit/ });
  });

  t.test(`over fuse-native nobody knows who writes, ${how}`, options, async (t) => {
    const { bc, write, isInside, own, roots } = await shared(t, 'fuse-native', mountOptions);
    await give(bc);
    for (const { pid } of [own, roots]) {
      for (const file of ['tasks', 'threads']) t.match(await write(pid, file), REFUSED, file);
      await t.rejects(writeFile(`${bc}/1/tasks`, `${pid}`), { code: 'EPERM' }, 'root is not known either');
    }
    t.notOk((await isInside(own)) || (await isInside(roots)));
    await chown(`${bc}/1/tasks`, 0, 0);
    await writeFile(`${bc}/1/tasks`, `${roots.pid}`);
    t.ok(await isInside(roots), 'a file that only root may write is');
  });

  t.test(`with -o trust a write over fuse-native is let through, ${how}`, options, async (t) => {
    const { bc, write, isInside, own, roots } = await shared(t, 'fuse-native', `,trust${mountOptions}`);
    await give(bc);
    for (const [file, task] of [
      ['tasks', own],
      ['threads', roots],
    ] as const) {
      t.equal(await write(task.pid, file), '');
      t.ok(await isInside(task), 'whosever it is');
    }
  });
}

t.test('over dev-fuse -o trust changes nothing: who writes is known', options, async (t) => {
  const { bc, write, isInside, own, roots } = await shared(t, 'dev-fuse', ',trust');
  await chown(`${bc}/1/tasks`, NOBODY, NOBODY);
  t.match(await write(roots.pid), REFUSED);
  t.notOk(await isInside(roots));
  t.equal(await write(own.pid), '');
  t.ok(await isInside(own));
});

t.test("whoever a user hands the open file to moves that user's tasks only", options, async (t) => {
  const { bc, isInside, own, roots } = await shared(t, 'dev-fuse');
  await chown(`${bc}/1/tasks`, NOBODY, NOBODY);
  // As a program of root's that was started with its output there.
  const handed = (pid: number) =>
    run(python, [
      '-c',
      `import os
os.seteuid(${NOBODY})
tasks = os.open('${bc}/1/tasks', os.O_WRONLY)
os.seteuid(0)
os.write(tasks, b'${pid}')`,
    ]);
  t.match((await handed(roots.pid)).stderr, REFUSED);
  t.notOk(await isInside(roots));
  t.equal((await handed(own.pid)).stderr, '');
  t.ok(await isInside(own));
});

t.test('a file that its group may write is given away too', options, async (t) => {
  const { bc, write, isInside, own } = await shared(t, 'fuse-native');
  const { code } = await bash(`chgrp ${NOBODY} ${bc}/1/tasks && chmod 620 ${bc}/1/tasks`);
  t.equal(code, 0);
  t.match(await write(own.pid), REFUSED);
  t.notOk(await isInside(own));
  t.match(await readFile(`${bc}/1/numtasks/held`, 'utf8'), /^0\n$/);
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import '../fixtures/covered.js';
import { bash, root, run, TIME_LIMIT, type Outcome } from '../fixtures/command.js';
import {
  daemonOf,
  emptyDirectory,
  ended,
  isAlive,
  mounted,
  mountOn,
  mountpoints,
  needsFuse,
} from '../fixtures/mounted.js';
import { shell } from '../fixtures/processes.js';

const OVER_DEV_FUSE = ['--transport', 'dev-fuse'];
const done: Outcome = { code: 0, stdout: '', stderr: '' };

/** Runs a program that embeds the library, in a process of its own. It says a line when it has mounted. */
async function embedded(t: Test, program: string) {
  const directory = await emptyDirectory(t);
  const script = `
    import { beancounterTree, mount, numtasks, Registry, Severity } from ${JSON.stringify(`${root}dist/lib/index.js`)};
    const directory = ${JSON.stringify(directory)};
    const registry = new Registry();
    const tree = beancounterTree(registry);
    ${program}
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIME_LIMIT,
    killSignal: 'SIGKILL',
  });
  const closed = Promise.all([once(child, 'close'), text(child.stderr)]);
  const outcome = closed.then(([[code, signal], stderr]: [unknown[], string]) => ({ code, signal, stderr }));
  await Promise.race([once(child.stdout, 'data'), outcome]);
  return { directory, child, outcome };
}

const byItself = { code: 0, signal: null, stderr: '' };

t.test('a program serves its tree beside whatever else it does', needsFuse, async (t) => {
  const { directory, child, outcome } = await embedded(
    t,
    `
    const mounted = await mount(tree, directory, { transport: 'dev-fuse', validity: 0 });
    const bc = registry.get(7);
    console.log('mounted');
    process.stdin.once('data', () => {
      bc.counter(numtasks).charge(3, Severity.FORCE);
      console.log('charged');
      process.stdin.once('data', async () => {
        await mounted.unmount();
        process.stdin.destroy();
      });
    });
    `,
  );
  await mkdir(`${directory}/7`);
  t.equal(await readFile(`${directory}/7/numtasks/held`, 'utf8'), '0\n');
  const charged = once(child.stdout, 'data');
  child.stdin.write('charge');
  await Promise.race([charged, outcome]);
  t.equal(await readFile(`${directory}/7/numtasks/held`, 'utf8'), '3\n');
  await writeFile(`${directory}/7/numtasks/limit`, '200');
  t.equal(await readFile(`${directory}/7/numtasks/limit`, 'utf8'), '200\n');
  t.equal(
    readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${directory} rw,nosuid,nodev,relatime `),
    true,
  );
  child.stdin.write('unmount');
  t.strictSame(await outcome, byItself, 'it ends of itself when it has unmounted');
  t.strictSame(mountpoints(directory), []);
});

t.test('a program ends of itself when somebody unmounts', needsFuse, async (t) => {
  const { directory, outcome } = await embedded(
    t,
    `
    const mounted = await mount(tree, directory, { transport: 'dev-fuse' });
    console.log('mounted');
    await mounted.gone;
    `,
  );
  t.strictSame(await run('umount', [directory]), done);
  t.strictSame(await outcome, byItself);
});

t.test('a program mounts again where it has unmounted', needsFuse, async (t) => {
  const { directory, outcome } = await embedded(
    t,
    `
    import { readdir } from 'node:fs/promises';
    for (let i = 0; i < 5; i += 1) {
      const mounted = await mount(tree, directory, { transport: 'dev-fuse' });
      const names = await readdir(directory);
      if (names.sort().join() !== '0,description') throw new Error(names.join());
      await mounted.unmount();
    }
    `,
  );
  t.strictSame(await outcome, byItself);
  t.strictSame(mountpoints(directory), []);
});

t.test(
  'a program that is killed leaves a dead mount, which the next one clears away',
  needsFuse,
  async (t) => {
    const { directory, child, outcome } = await embedded(
      t,
      `
    await mount(tree, directory, { transport: 'dev-fuse' });
    console.log('mounted');
    `,
    );
    child.kill('SIGKILL');
    t.match(await outcome, { signal: 'SIGKILL' });
    await t.rejects(readdir(directory), { code: 'ENOTCONN' });
    await mountOn(t, directory, OVER_DEV_FUSE);
    t.strictSame(mountpoints(directory), [directory]);
    await run('umount', [directory]);
  },
);

t.test('a mount that the kernel refuses is an error, and leaves nothing', needsFuse, async (t) => {
  const { outcome } = await embedded(
    t,
    `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { mountDevice } from ${JSON.stringify(`${root}dist/lib/fuse/device.js`)};
    const options = { ro: true, allowOther: true, flags: ['noexec', 'unheard-of'] };
    try {
      mountDevice(directory + '/nothing', options, false);
    } catch (error) {
      const open = readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync('/proc/self/fd/' + fd) === '/dev/fuse';
        } catch {
          return false;
        }
      });
      console.error(error.name, error.code, open.length);
    }
    `,
  );
  t.strictSame(await outcome, { code: 0, signal: null, stderr: 'BcfsError ENOENT 0\n' });
});

t.test('mount options reach the kernel', needsFuse, async (t) => {
  const options = 'ro,noexec,nosuid,nodev,noatime,allow_other';
  const directory = await mounted(t, [...OVER_DEV_FUSE, '-o', options]);
  const { stdout } = await run('findmnt', ['-no', 'FSTYPE,SOURCE,OPTIONS', directory]);
  t.match(stdout, /^fuse\.bcfs +bcfs +/);
  const shown = stdout.trim().split(/ +/)[2]!.split(',');
  for (const option of [...options.split(','), 'default_permissions', 'user_id=0', 'group_id=0']) {
    t.ok(shown.includes(option), option);
  }
  await t.rejects(mkdir(`${directory}/7`), { code: 'EROFS' });
});

t.test('SIGTERM unmounts and ends the daemon', needsFuse, async (t) => {
  const directory = await mounted(t, OVER_DEV_FUSE);
  const daemon = daemonOf(directory);
  process.kill(daemon, 'SIGTERM');
  await ended(daemon);
  t.strictSame(mountpoints(directory), []);
});

t.test('somebody’s umount ends the daemon', needsFuse, async (t) => {
  const directory = await mounted(t, OVER_DEV_FUSE);
  const daemon = daemonOf(directory);
  await readdir(directory);
  t.strictSame(await run('umount', [directory]), done);
  await ended(daemon);
  t.strictSame(mountpoints(directory), []);
});

t.test('SIGTERM ends a daemon whose mount is in use', needsFuse, async (t) => {
  const directory = await mounted(t, OVER_DEV_FUSE);
  const daemon = daemonOf(directory);
  const user = await shell(t, `cd "${directory}/0"`);
  process.kill(daemon, 'SIGTERM');
  await ended(daemon);
  t.strictSame(mountpoints(directory), []);
  t.ok(isAlive(user.pid));
  await t.rejects(
    stat(`/proc/${user.pid}/cwd/id`),
    { code: /^(ENOTCONN|ECONNABORTED)$/ },
    'who is in it is told so',
  );
  await user.end();
});

t.test(
  'a daemon that is killed leaves a dead mount, which the next one clears away',
  needsFuse,
  async (t) => {
    const directory = await mounted(t, [...OVER_DEV_FUSE, '-o', 'noauto_unmount']);
    await mkdir(`${directory}/7`);
    const daemon = daemonOf(directory);
    process.kill(daemon, 'SIGKILL');
    await ended(daemon);
    await t.rejects(readdir(directory), { code: 'ENOTCONN' });
    await mountOn(t, directory, OVER_DEV_FUSE);
    t.strictSame((await readdir(directory)).sort(), ['0', 'description']);
    t.strictSame(mountpoints(directory), [directory]);
  },
);

t.test('sixteen clients at once get right answers', needsFuse, async (t) => {
  const directory = await mounted(t, OVER_DEV_FUSE);
  const client = (id: number) => `
    cd "${directory}"
    for round in {201..206}; do
      mkdir ${id} && echo $round > ${id}/numtasks/limit && [ "$(< ${id}/numtasks/limit)" = $round ] &&
        [ "$(< ${id}/id)" = ${id} ] && ls -l ${id} > /dev/null && rmdir ${id} || exit 1
    done
  `;
  const clients = Array.from({ length: 16 }, (_, i) => bash(client(i + 1)));
  t.strictSame(await Promise.all(clients), Array<Outcome>(16).fill(done));
  t.strictSame((await readdir(directory)).sort(), ['0', 'description']);
});

/** CPU that a process has used, in milliseconds: utime and stime, in ticks of 10 ms. */
function cpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

t.test('an idle daemon uses no CPU', needsFuse, async (t) => {
  const directory = await mounted(t, OVER_DEV_FUSE);
  const daemon = daemonOf(directory);
  await readdir(directory);
  // What it does after it has mounted: loading, compiling.
  await delay(500);
  const before = cpuTime(daemon);
  await delay(2000);
  const used = cpuTime(daemon) - before;
  t.ok(used < 50, `${used} ms in two seconds`);
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n', 'and answers');
});

t.test('a daemon forgets a task that has ended', needsFuse, async (t) => {
  const directory = await mounted(t, OVER_DEV_FUSE);
  const limit = () => readFile(`${directory}/7/numtasks/limit`, 'utf8');
  const makeAgain = async () => {
    await rmdir(`${directory}/7`);
    await mkdir(`${directory}/7`);
  };
  await mkdir(`${directory}/7`);
  await writeFile(`${directory}/7/numtasks/limit`, '200');
  const task = await shell(t);
  await writeFile(`${directory}/7/tasks`, String(task.pid));
  await makeAgain();
  t.equal(await limit(), '200\n', 'the beancounter lives with its task');
  await task.end();
  for (const start = Date.now(); Date.now() - start < TIME_LIMIT; await delay(50)) {
    await makeAgain();
    if ((await limit()) !== '200\n') break;
  }
  t.equal(await limit(), '128\n', 'and ends with it');
  await rmdir(`${directory}/7`);
});

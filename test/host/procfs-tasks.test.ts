import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { numtasks } from '../../lib/bc/resources/numtasks.js';
import { Registry } from '../../lib/bc/registry.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { ProcfsTasks } from '../../lib/host/procfs-tasks.js';
import { kernelThread, needsPython, noPid, shell, threaded, zombie } from '../fixtures/processes.js';

interface Recorded {
  /** The process's pid. Default: the tid. */
  readonly tgid?: number;
  /** Default: `bash`. */
  readonly comm?: string;
  /** Default: `S`. */
  readonly state?: string;
  /** The kernel's PF_ flags. Default: those of a program. */
  readonly flags?: number;
  /** Clock ticks since boot. Default: 35413. */
  readonly start?: number;
  /** Of the process: what its task directory lists; undefined: there is none. Default: the tid. */
  readonly threads?: readonly number[] | undefined;
}

/** Flags of kthreadd, as recorded. */
const KERNEL_THREAD = 2129984;

/** A proc of a test's own. */
function makeProc(t: Test) {
  const root = mkdtempSync(join(tmpdir(), 'bcfs-proc-'));
  t.teardown(() => {
    rmSync(root, { recursive: true });
  });
  const registry = new Registry();
  const tasks = new Tasks(registry);
  return {
    tasks,
    host: new ProcfsTasks(tasks, root),
    numtasksOf0: () => registry.root.counter(numtasks).held,
    bc: (id: number) => registry.get(id),
    /** Lines recorded from Linux 6.18. */
    put: (tid: number, recorded: Recorded = {}) => {
      const { tgid = tid, comm = 'bash', state = 'S', flags = 4194304, start = 35413 } = recorded;
      const threads = 'threads' in recorded ? recorded.threads : [tid];
      const directory = join(root, String(tid));
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory);
      writeFileSync(
        join(directory, 'stat'),
        `${tid} (${comm}) ${state} 1 ${tgid} ${tgid} 0 -1 ${flags} 103 0 0 0 0 0 0 0 20 0 1 0 ${start} ` +
          '4345856 832 18446744073709551615 1 1 0 0 0 0 65536 4 65538 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n',
      );
      writeFileSync(
        join(directory, 'status'),
        `Name:\t${comm}\nUmask:\t0022\nState:\t${state} (sleeping)\nTgid:\t${tgid}\nNgid:\t0\nPid:\t${tid}\nPPid:\t1\n`,
      );
      for (const thread of threads ?? []) {
        mkdirSync(join(directory, 'task', String(thread)), { recursive: true });
      }
    },
    write: (path: string, text: string) => {
      writeFileSync(join(root, path), text);
    },
    remove: (path: string | number) => {
      rmSync(join(root, String(path)), { recursive: true });
    },
  };
}

t.test('a process is taken in with all its threads, which share one memory, as beancounter 0', (t) => {
  const { put, host, tasks, numtasksOf0 } = makeProc(t);
  put(100, { threads: [100, 101, 102] });
  put(101, { tgid: 100, threads: undefined });
  put(102, { tgid: 100, threads: undefined });
  put(200);
  const task = host.find(101);
  t.equal(task?.tid, 101);
  t.strictSame(
    Array.from(tasks, ({ tid, execBc, taskBc }) => [tid, execBc.id, taskBc.id]),
    [
      [100, 0, 0],
      [101, 0, 0],
      [102, 0, 0],
    ],
  );
  t.equal(new Set(Array.from(tasks, ({ mm }) => mm)).size, 1);
  t.ok(task?.mm);
  t.equal(numtasksOf0(), 3);
  t.equal(host.find(101), task, 'found again, it is the same');
  t.equal(host.find(100)?.mm, task?.mm);
  t.equal(tasks.size, 3);
  t.not(host.find(200)?.mm, task?.mm, 'another process has another memory');
  t.equal(tasks.size, 4);
  t.end();
});

t.test('a thread that came later shares the memory of the others', (t) => {
  const { put, host, tasks, bc } = makeProc(t);
  put(100);
  const first = host.find(100)!;
  tasks.move(first, bc(1));
  put(100, { threads: [100, 101] });
  put(101, { tgid: 100, threads: undefined });
  const second = host.find(101)!;
  t.equal(second.mm, first.mm);
  t.equal(second.execBc.id, 0, 'where it is, nobody said');
  t.equal(first.execBc.id, 1);
  t.end();
});

t.test('a pid that is not there is nobody', (t) => {
  const { put, host, tasks } = makeProc(t);
  put(100);
  t.equal(host.find(101), undefined);
  t.equal(host.find(0), undefined);
  t.equal(tasks.size, 0);
  t.end();
});

t.test('a kernel thread is EINVAL, and is not taken in', (t) => {
  const { put, host, tasks, numtasksOf0 } = makeProc(t);
  put(2, { comm: 'kthreadd', flags: KERNEL_THREAD });
  t.throws(() => host.find(2), { code: 'EINVAL', message: 'task 2 has no address space' });
  t.equal(tasks.size, 0);
  t.equal(numtasksOf0(), 0);
  t.end();
});

t.test('a zombie is EINVAL, as one that is dead', (t) => {
  const { put, host, tasks } = makeProc(t);
  for (const state of ['Z', 'X', 'x']) {
    put(100, { state });
    t.throws(() => host.find(100), { code: 'EINVAL' }, state);
  }
  for (const state of ['R', 'S', 'D', 'T', 't', 'I']) {
    put(100, { state });
    t.equal(host.find(100)?.tid, 100, `but not ${state}`);
  }
  t.equal(tasks.size, 1);
  t.end();
});

t.test('a process whose first thread has ended is taken in without it', (t) => {
  const { put, host, tasks } = makeProc(t);
  put(100, { state: 'Z', threads: [100, 101] });
  put(101, { tgid: 100, threads: undefined });
  const second = host.find(101)!;
  t.strictSame(
    Array.from(tasks, ({ tid }) => tid),
    [101],
  );
  put(100, { state: 'Z', threads: [100, 101, 102] });
  put(102, { tgid: 100, threads: undefined });
  t.equal(host.find(102)!.mm, second.mm, 'and a later one shares the memory');
  t.throws(() => host.find(100), { code: 'EINVAL' });
  t.end();
});

t.test('a command may be called anything', (t) => {
  const { put, host, tasks } = makeProc(t);
  for (const comm of [') Z (', ') S 1 2 3 (', 'a b', '))', '(', '', 'Tgid:\\t7']) {
    put(100, { comm });
    t.equal(host.find(100)?.tid, 100, comm);
  }
  t.equal(tasks.size, 1, 'and it is one process all the time');
  put(100, { comm: ') S (', state: 'Z' });
  t.throws(() => host.find(100), { code: 'EINVAL' });
  t.end();
});

t.test('a task that ended goes from the engine', (t) => {
  const { put, remove, host, tasks, bc, numtasksOf0 } = makeProc(t);
  put(100, { threads: [100, 101] });
  put(101, { tgid: 100, threads: undefined });
  const one = bc(1);
  tasks.move(host.find(100)!, one);
  t.equal(one.references, 4, 'ours, the memory, two tasks');
  host.reap();
  t.equal(tasks.size, 2, 'not before');
  remove(101);
  host.reap();
  t.strictSame(
    Array.from(tasks, ({ tid }) => tid),
    [100],
  );
  t.equal(numtasksOf0(), 1);
  put(100, { state: 'Z' });
  host.reap();
  t.equal(tasks.size, 0, 'a zombie has ended as well');
  t.equal(numtasksOf0(), 0);
  t.equal(one.references, 1);
  host.reap();
  t.equal(numtasksOf0(), 0, 'once');
  t.end();
});

t.test('whoever is named, those that have ended go', (t) => {
  const { put, remove, host, tasks } = makeProc(t);
  put(100);
  put(200);
  host.find(100);
  remove(100);
  host.find(200);
  t.strictSame(
    Array.from(tasks, ({ tid }) => tid),
    [200],
  );
  t.end();
});

t.test('a pid that is used again is another task, by its start time', (t) => {
  const { put, host, tasks, bc } = makeProc(t);
  put(100, { start: 5000 });
  const old = host.find(100)!;
  tasks.move(old, bc(1));
  put(100, { start: 6000 });
  const fresh = host.find(100)!;
  t.not(fresh, old);
  t.not(fresh.mm, old.mm);
  t.equal(fresh.execBc.id, 0);
  t.equal(tasks.size, 1);
  t.end();
});

t.test('a task that vanishes between two reads is nobody', (t) => {
  const { put, remove, host, tasks } = makeProc(t);
  put(100);
  remove('100/status');
  t.equal(host.find(100), undefined, 'after its stat');
  put(100);
  remove('100/stat');
  t.equal(host.find(100), undefined, 'before it');
  put(100, { threads: undefined });
  t.equal(host.find(100), undefined, 'before its threads are listed');
  put(100, { threads: [101] });
  put(101, { tgid: 100 });
  t.equal(host.find(100), undefined, 'before its turn among them');
  t.strictSame(
    Array.from(tasks, ({ tid }) => tid),
    [101],
  );
  put(100, { threads: [100, 101, 102] });
  t.equal(host.find(100)?.tid, 100);
  t.equal(tasks.size, 2, 'a sibling that has vanished is left out');
  t.end();
});

t.test('a file that is cut short is nobody', (t) => {
  const { put, write, host } = makeProc(t);
  for (const [file, text] of [
    ['stat', ''],
    ['stat', '100 (bash'],
    ['stat', '100 (bash) S 1 100'],
    ['status', ''],
    ['status', 'Name:\tbash\n'],
  ] as const) {
    put(100);
    write(`100/${file}`, text);
    t.equal(host.find(100), undefined, `${file} ${JSON.stringify(text)}`);
  }
  t.end();
});

// The processes of this machine.

function thisMachine() {
  const registry = new Registry();
  const tasks = new Tasks(registry);
  return { registry, tasks, host: new ProcfsTasks(tasks) };
}

t.test('this very process is found, with its threads', (t) => {
  const { tasks, host } = thisMachine();
  const task = host.find(process.pid)!;
  t.equal(task.tid, process.pid);
  t.ok(tasks.size > 1);
  t.equal(new Set(Array.from(tasks, ({ mm }) => mm)).size, 1);
  t.end();
});

t.test('a thread of a real process is found by its own id', async (t) => {
  const { host } = thisMachine();
  const { pid } = await threaded(t);
  const tids = readdirSync(`/proc/${pid}/task`).map(Number);
  const other = tids.find((tid) => tid !== pid)!;
  t.equal(host.find(other)?.tid, other);
  t.equal(host.find(other)?.mm, host.find(pid)?.mm);
});

t.test('a real process that ended is noticed, and its pid is nobody', async (t) => {
  const { registry, tasks, host } = thisMachine();
  const { pid, end } = await shell(t);
  const one = registry.get(1);
  tasks.move(host.find(pid)!, one);
  t.equal(one.references, 3);
  await end();
  host.reap();
  t.equal(tasks.size, 0);
  t.equal(one.references, 1);
  t.equal(host.find(pid), undefined);
});

t.test('a real process that ended and is not waited for is EINVAL', needsPython, async (t) => {
  const { tasks, host } = thisMachine();
  const pid = await zombie(t);
  t.throws(() => host.find(pid), { code: 'EINVAL' });
  t.equal(tasks.size, 0);
});

t.test('a real process may be called anything', async (t) => {
  const { host } = thisMachine();
  const { pid } = await shell(t, "printf ') Z (' > /proc/$$/comm");
  t.match(readFileSync(`/proc/${pid}/stat`, 'utf8'), `${pid} () Z () `);
  t.equal(host.find(pid)?.tid, pid);
});

t.test('a real kernel thread is EINVAL, a pid that no kernel gives nobody', (t) => {
  const { tasks, host } = thisMachine();
  t.equal(host.find(noPid), undefined);
  const pid = kernelThread();
  if (pid === undefined) t.pass('not here', { skip: 'no kernel thread is to be seen here' });
  else t.throws(() => host.find(pid), { code: 'EINVAL' });
  t.equal(tasks.size, 0);
  t.end();
});

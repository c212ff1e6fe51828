import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { numtasks } from '../../lib/bc/resources/numtasks.js';
import { Registry } from '../../lib/bc/registry.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { procfs, ProcfsTasks, type Procfs } from '../../lib/host/procfs-tasks.js';
import {
  kernelThread,
  manyThreads,
  needsPython,
  noPid,
  shell,
  threaded,
  zombie,
} from '../fixtures/processes.js';

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
  /** What the task directory of a process lists; undefined: there is none. Default: the tid. Put it before them. */
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
  const { readFile, readDirectory } = procfs(root);
  const reads: string[] = [];
  const refused = new Set<string>();
  const listed = new Map<string, readonly string[]>();
  function counted<T>(read: (path: string) => T): (path: string) => T {
    return (path) => {
      reads.push(path);
      if (refused.has(path)) throw new Error(`${path} has vanished`);
      return read(path);
    };
  }
  const proc: Procfs = {
    readFile: counted(readFile),
    readDirectory: counted((path) => listed.get(path) ?? readDirectory(path)),
  };
  return {
    tasks,
    host: new ProcfsTasks(tasks, proc),
    /** What was read since it was asked last. */
    reads: () => reads.splice(0),
    numtasksOf0: () => registry.root.counter(numtasks).held,
    bc: (id: number) => registry.get(id),
    /** Lines recorded from Linux 6.18. */
    put: (tid: number, recorded: Recorded = {}) => {
      const { tgid = tid, comm = 'bash', state = 'S', flags = 4194304, start = 35413 } = recorded;
      const threads = 'threads' in recorded ? recorded.threads : [tid];
      const directory = join(root, String(tid));
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory);
      for (const thread of threads ?? []) {
        mkdirSync(join(directory, 'task', String(thread)), { recursive: true });
      }
      writeFileSync(
        join(directory, 'status'),
        `Name:\t${comm}\nUmask:\t0022\nState:\t${state} (sleeping)\nTgid:\t${tgid}\nNgid:\t0\nPid:\t${tid}\nPPid:\t1\n`,
      );
      const task = join(root, String(tgid), 'task', String(tid));
      if (!existsSync(task)) return;
      writeFileSync(
        join(task, 'stat'),
        `${tid} (${comm}) ${state} 1 ${tgid} ${tgid} 0 -1 ${flags} 103 0 0 0 0 0 0 0 20 0 1 0 ${start} ` +
          '4345856 832 18446744073709551615 1 1 0 0 0 0 65536 4 65538 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n',
      );
    },
    /** Has a process list so many threads, from its pid on, of which there need be no files. */
    list: (tgid: number, count: number) => {
      listed.set(
        `${tgid}/task`,
        Array.from({ length: count }, (_, index) => String(tgid + index)),
      );
    },
    /** Has a path vanish. @returns what brings it back */
    refuse: (path: string) => {
      refused.add(path);
      return () => refused.delete(path);
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
  remove('100/task/101');
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
  const { put, remove, refuse, host, tasks } = makeProc(t);
  const tids = () => Array.from(tasks, ({ tid }) => tid);
  put(100, { threads: [100, 101] });
  put(101, { tgid: 100, threads: undefined });
  for (const [named, path, when] of [
    [100, '100/status', 'before all'],
    [100, '100/task/100/stat', 'before its stat'],
    [100, '100/task', 'before its threads are listed'],
    [101, '100/task/100/stat', 'with its whole process'],
    [101, '100/task/101/stat', 'after it was listed'],
  ] as const) {
    const allow = refuse(path);
    t.equal(host.find(named), undefined, when);
    t.strictSame(tids(), [], `${when}: nobody is taken in`);
    allow();
  }
  t.equal(host.find(101)?.tid, 101);
  t.strictSame(tids(), [100, 101]);
  put(100, { threads: [100, 101, 102] });
  t.equal(host.find(100)?.tid, 100);
  remove('100/task/102');
  t.strictSame(tids(), [100, 101, 102], 'a sibling that was listed is taken in');
  host.reap();
  t.strictSame(tids(), [100, 101], 'and goes when it is not listed any more');
  const allow = refuse('100/task');
  t.equal(host.find(100), undefined);
  t.strictSame(tids(), [], 'those that vanish when they are named again go');
  allow();
  t.end();
});

t.test('a tid that is used again in another process is another task', (t) => {
  const { put, remove, host, tasks, bc, numtasksOf0 } = makeProc(t);
  const one = bc(1);
  put(100, { threads: [100, 101] });
  const old = host.find(100)!;
  tasks.move(old, one);
  // Listed still when 101 is named: it ended after that.
  put(101);
  const fresh = host.find(101)!;
  t.not(fresh.mm, old.mm);
  t.equal(fresh.execBc.id, 0);
  t.equal(tasks.find(100), old, 'the process that it was in lives');
  t.equal(numtasksOf0(), 2);
  t.equal(one.references, 3, 'ours, the memory, one task');
  remove('100/task/101');
  host.reap();
  t.equal(tasks.find(101), fresh);
  t.end();
});

t.test('a tid that is used again in its process is the same task', (t) => {
  const { put, host, tasks, bc } = makeProc(t);
  put(100, { threads: [100, 101] });
  put(101, { tgid: 100, threads: undefined });
  const task = host.find(101)!;
  tasks.moveThread(task, bc(1));
  put(101, { tgid: 100, threads: undefined, start: 6000 });
  host.reap();
  t.equal(host.find(101), task);
  t.end();
});

t.test('naming a task reads a few files, however many threads and other processes there are', (t) => {
  const { put, list, host, tasks, reads } = makeProc(t);
  put(1000, { threads: [1000, 1500] });
  list(1000, 1000);
  put(1500, { tgid: 1000, threads: undefined });
  t.equal(host.find(1000)?.tid, 1000);
  t.strictSame(reads(), ['1000/status', '1000/task/1000/stat', '1000/task']);
  t.equal(tasks.size, 1000);
  t.equal(host.find(1500)?.tid, 1500);
  t.strictSame(reads(), [
    // A look at another process is a look at this one, where there is only this one.
    ...['1000/task/1000/stat', '1000/task'],
    ...['1500/status', '1000/task/1000/stat', '1000/task', '1000/task/1500/stat'],
  ]);
  for (let pid = 1; pid <= 400; pid++) {
    put(pid);
    reads();
    host.find(pid);
    const count = reads().length;
    if (count > 3 + 2 * 8) t.fail(`${count} reads for ${pid}`);
  }
  t.equal(tasks.size, 1400);
  t.end();
});

t.test('each call of reap looks at a slice, the next one at the next', (t) => {
  const { put, remove, host, tasks, reads } = makeProc(t);
  const pids = Array.from({ length: 1000 }, (_, index) => 1 + index);
  for (const pid of pids) {
    put(pid);
    host.find(pid);
  }
  const looked = new Map<string, number>();
  const slice = () => {
    reads();
    host.reap();
    const paths = reads();
    for (const path of paths) looked.set(path, (looked.get(path) ?? 0) + 1);
    return paths.length;
  };
  // A process costs one, and one sixteenth for its only thread: 128 of them come to 120 and a half.
  for (let call = 1; call <= 8; call++) t.equal(slice(), 242, `call ${call}`);
  t.equal(looked.size, 242 * 8, 'none twice before each was looked at once');
  t.equal(slice(), 242);
  t.equal(looked.size, 2000, 'then all were: two reads each');
  for (const pid of pids) remove(pid);
  for (const left of [879, 758, 637, 516, 395, 274, 153, 32, 0]) {
    t.ok(slice() <= 242);
    t.equal(tasks.size, left);
  }
  t.equal(slice(), 0);
  put(2000);
  t.equal(host.find(2000)?.tid, 2000);
  t.equal(slice(), 2, 'and again when there is somebody');
  t.end();
});

t.test('a slice of processes with many threads is a small one', (t) => {
  const { put, list, host, reads } = makeProc(t);
  for (let pid = 1000; pid <= 10_000; pid += 1000) {
    put(pid);
    list(pid, 500);
    host.find(pid);
  }
  reads();
  host.reap();
  t.equal(reads().length, 2 * 4, 'four processes of 500');
  host.find(0);
  t.equal(reads().length, 2 + 1);
  t.end();
});

t.test('those of one beancounter are ended, unless one of it is seen to live', (t) => {
  const { put, remove, host, tasks, bc, reads } = makeProc(t);
  const [one, two] = [bc(1), bc(2)];
  put(100, { threads: [100, 101] });
  put(101, { tgid: 100, threads: undefined });
  put(200);
  put(300);
  tasks.move(host.find(100)!, one);
  tasks.move(host.find(200)!, two);
  tasks.move(host.find(300)!, one);
  remove(100);
  remove(200);
  reads();
  host.reapOf(one);
  t.strictSame(reads(), ['100/task/100/stat', '300/task/300/stat', '300/task']);
  t.strictSame(
    Array.from(tasks, ({ tid }) => tid),
    [200, 300],
  );
  t.equal(one.references, 3, 'ours, the memory, one task');
  put(400);
  tasks.move(host.find(400)!, one);
  reads();
  host.reapOf(one);
  t.strictSame(reads(), ['300/task/300/stat', '300/task'], 'one that lives is enough');
  t.end();
});

t.test('a beancounter is held by the memory of a process whose tasks have left it', (t) => {
  const { put, remove, host, tasks, bc } = makeProc(t);
  const one = bc(1);
  put(100);
  const task = host.find(100)!;
  tasks.move(task, one);
  tasks.moveThread(task, bc(2));
  host.reapOf(one);
  t.equal(one.references, 2);
  remove(100);
  host.reapOf(one);
  t.equal(one.references, 1);
  t.equal(tasks.size, 0);
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
    write(`100/${file === 'stat' ? 'task/100/stat' : file}`, text);
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

t.test('all of 200 threads of a real process move, and go with it', needsPython, async (t) => {
  const { registry, tasks, host } = thisMachine();
  const { pid, end } = await manyThreads(t, 200);
  const one = registry.get(1);
  const tids = readdirSync(`/proc/${pid}/task`).map(Number);
  t.equal(tids.length, 200);
  const last = Math.max(...tids);
  tasks.moveThread(host.find(last)!, one);
  t.equal(one.references, 2);
  tasks.move(host.find(last)!, one);
  t.strictSame(
    Array.from(tasks, ({ tid, execBc }) => [tid, execBc.id]),
    tids.map((tid) => [tid, 1]),
  );
  t.equal(one.references, 202);
  await end();
  host.reap();
  t.equal(tasks.size, 0);
  t.equal(one.references, 1);
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

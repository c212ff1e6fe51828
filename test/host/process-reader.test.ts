import { mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { countedOf, ProcReader, readBelongings } from '../../lib/host/process-reader.js';
import { noPid, zombie, kernelThread, needsPython } from '../fixtures/processes.js';
import { put, recordedRoot } from '../fixtures/recorded-root.js';

const PID = 42;
const status = 'Name:\ta\nVmLck:\t       8 kB\nVmStk:\t     130 kB\nCapEff:\t0000000000200000\n';
const smaps = [
  ['7f00-7f01 rw-p 00000000 00:00 0', 8, 'rd wr mr mw me ac'],
  ['7f01-7f02 rw-s 00000000 00:01 9', 16, 'rd wr sh mr mw me'],
  ['7f02-7f03 r--s 00000000 00:01 9', 32, 'rd sh mr me lo'],
  ['7f03-7f04 r-xp 00000000 00:01 9', 64, 'rd ex mr mw me'],
]
  .map(([head, kilobytes, flags]) => `${head}\nSize:  ${kilobytes} kB\nRss: 4 kB\nVmFlags: ${flags}\n`)
  .join('');

/** A /proc with one process, that has three descriptors. */
function recorded(t: Test) {
  const root = recordedRoot(t, {
    [`${PID}/stat`]: `${PID} (a) b (c)) S 7 ${'0 '.repeat(17)}1234 0 0\n`,
    [`${PID}/statm`]: '900 300 200 10 0 50 0\n',
    [`${PID}/status`]: status,
    [`${PID}/smaps`]: smaps,
  });
  const dir = `${root}/${PID}`;
  mkdirSync(`${dir}/fd`);
  for (const [fd, target] of ['/dev/null', 'pipe:[12]', '/nowhere/at all (deleted)'].entries())
    symlinkSync(target, `${dir}/fd/${fd}`);
  return { root, dir };
}

for (const held of [0, 1, 8]) {
  t.test(`a process is read with ${held} descriptors to hold`, (t) => {
    const { root } = recorded(t);
    const handle = new ProcReader({ root, held }).open(PID)!;
    t.match(handle, { pid: PID, parent: 7, start: '1234' });
    t.same(handle.memory(), { data: 50, resident: 300 });
    t.equal(handle.descriptors(), 3, 'a directory without a size is listed');
    t.same(handle.status(), { isLocked: true, stack: 33, isAdmin: true });
    t.same(
      [...handle.files()!],
      [
        [0, '/dev/null'],
        [1, 'pipe:[12]'],
        [2, '/nowhere/at all (deleted)'],
      ],
    );
    t.equal(handle.target(1), 'pipe:[12]');
    t.equal(handle.target(9), undefined);
    handle.close();
    t.end();
  });
}

t.test('of mappings those count that are locked, or writable and not shared', (t) => {
  const { root, dir } = recorded(t);
  const handle = new ProcReader({ root }).open(PID)!;
  t.equal(handle.countedPages(), 2 + 8);
  t.equal(countedOf(handle, handle.status(), 50), 10);
  t.equal(countedOf(handle, { isLocked: false, stack: 0, isAdmin: false }, 50), 50);
  t.equal(countedOf(handle, undefined, 50), 50);
  unlinkSync(`${dir}/smaps`);
  t.equal(countedOf(handle, handle.status(), 50), 50, 'it cannot be read');
  handle.close();
  t.end();
});

t.test('a status without the lines of an address space has nothing locked and no rights', (t) => {
  const { root } = recorded(t);
  put(root, { [`${PID}/status`]: 'Name:\ta\n' });
  const handle = new ProcReader({ root }).open(PID)!;
  t.same(handle.status(), { isLocked: false, stack: 0, isAdmin: false });
  handle.close();
  t.end();
});

t.test('an address space is told by where its code and its stack begin, if that is shown', (t) => {
  const { root } = recorded(t);
  const stat = (start: number, addresses: string) =>
    put(root, { [`${PID}/stat`]: `${PID} (a) S 7 ${'0 '.repeat(17)}${start} 0 0 0 ${addresses} 0\n` });
  const handle = new ProcReader({ root }).open(PID)!;
  t.equal(handle.addressSpace(), undefined);
  stat(1234, '4096 8192 77');
  t.equal(handle.addressSpace(), '4096 8192 77');
  stat(1234, '1 1 0');
  t.equal(handle.addressSpace(), undefined, 'as it is shown to who may not ptrace it');
  stat(1235, '4096 8192 77');
  t.equal(handle.addressSpace(), undefined, "another process's");
  handle.close();
  t.end();
});

t.test('descriptors that were held are there again when a process is closed', (t) => {
  const { root, dir } = recorded(t);
  const reader = new ProcReader({ root, held: 1 });
  /** One whose statm is held reads the file that was there, one that opens it anew does not. */
  const isHeld = (handle: ReturnType<ProcReader['open']>) => {
    rmSync(`${dir}/statm`);
    const answer = handle!.memory() !== undefined;
    writeFileSync(`${dir}/statm`, '900 300 200 10 0 50 0\n');
    return answer;
  };
  const [first, second] = [reader.open(PID), reader.open(PID)];
  t.same([isHeld(first), isHeld(second)], [true, false]);
  first!.close();
  second!.close();
  const third = reader.open(PID);
  t.ok(isHeld(third));
  third!.close();
  t.end();
});

t.test('what vanishes between two reads is undefined', (t) => {
  const { root, dir } = recorded(t);
  const handle = new ProcReader({ root, held: 0 }).open(PID)!;
  rmSync(dir, { recursive: true });
  for (const read of ['addressSpace', 'memory', 'descriptors', 'status', 'files', 'countedPages'] as const)
    t.equal(handle[read](), undefined, read);
  handle.close();
  t.equal(new ProcReader({ root }).open(PID), undefined);
  t.equal(readBelongings(PID, root), undefined);
  // statm was opened, and then stat was not there.
  put(root, { [`${PID}/statm`]: '1 1 1 1 0 1 0\n' });
  t.equal(new ProcReader({ root }).open(PID), undefined);
  t.end();
});

t.test('what has no address space has no memory, and nothing to be moved with', (t) => {
  const { root } = recorded(t);
  put(root, { [`${PID}/statm`]: '0 0 0 0 0 0 0\n' });
  const handle = new ProcReader({ root }).open(PID)!;
  t.equal(handle.memory(), undefined);
  handle.close();
  t.equal(readBelongings(PID, root), undefined);
  put(root, { [`${PID}/statm`]: '9 9' });
  t.equal(readBelongings(PID, root), undefined, 'a line that is too short');
  t.end();
});

t.test('what a process has is read before it is moved', (t) => {
  const { root } = recorded(t);
  t.match(readBelongings(PID, root), { start: '1234', privvmpages: 10, files: { length: 3 } });
  t.end();
});

t.test('live zombies and kernel threads have no memory', needsPython, async (t) => {
  const reader = new ProcReader();
  for (const pid of [await zombie(t), kernelThread()]) {
    if (pid === undefined) continue;
    const handle = reader.open(pid)!;
    t.equal(handle.memory(), undefined);
    handle.close();
  }
  t.equal(reader.open(noPid), undefined);
});

for (const held of [0, 2]) {
  t.test(`this process is read from the live /proc with ${held} descriptors to hold`, (t) => {
    const handle = new ProcReader({ held }).open(process.pid)!;
    t.ok(handle.memory()!.data > 0);
    // Listing opens the directory, for itself to be seen.
    t.ok(Math.abs(handle.descriptors()! - handle.files()!.size) <= 1);
    handle.close();
    t.end();
  });
}

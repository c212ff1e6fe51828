import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RLIMIT_DATA, RLIMIT_NOFILE } from '../../lib/host/native.js';
import { originalsFile } from '../../lib/host/rlimit-originals.js';
import { nofileFor, Rlimits } from '../../lib/host/rlimits.js';

function machine(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'bcfs-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'state', 'originals');
  /** Soft limits by `pid resource`. */
  const soft = new Map<string, number>();
  const set = (pid: number, value: number) => soft.set(`${pid} ${RLIMIT_NOFILE}`, value);
  const file = originalsFile(path);
  const rlimits = new Rlimits(
    {
      rlimit: (pid, resource) => {
        const value = soft.get(`${pid} ${resource}`);
        return value === undefined ? undefined : { soft: value, hard: 4096 };
      },
      setSoft: (pid, resource, value) =>
        soft.has(`${pid} ${resource}`) && !!soft.set(`${pid} ${resource}`, value),
    },
    file,
    (pid, start) => start === '7' && soft.has(`${pid} ${RLIMIT_NOFILE}`),
  );
  const want = (pid: number, nofile?: number, data?: number) =>
    ({ pid, start: '7', parent: 1, group: 1, nofile, data, check: true }) as const;
  return { rlimits, soft, set, get: (pid: number) => soft.get(`${pid} ${RLIMIT_NOFILE}`), want, path, file };
}

t.test('holes below the limit fill again, so they count', (t) => {
  t.equal(nofileFor([0, 1, 2], 0), 3);
  t.equal(nofileFor([0, 1, 2], 4), 7);
  t.equal(nofileFor([0, 1, 2, 255], 4), 7);
  t.equal(nofileFor([0, 5], 4), 6);
  t.equal(nofileFor([0, 5], 5), 7);
  t.equal(nofileFor([0, 1, 2], -9), 3);
  t.end();
});

t.test('a limit is never raised above the own one, and that is put back', (t) => {
  const { rlimits, set, get, want, path } = machine(t);
  set(5, 100);
  rlimits.apply([want(5, 200)]);
  t.equal(get(5), 100);
  rlimits.apply([want(5, 20)]);
  t.equal(get(5), 20);
  t.equal(readFileSync(path, 'utf8'), '5 7 100 -\n');
  rlimits.apply([want(5)]);
  t.equal(get(5), 100);
  t.same(readdirSync(join(path, '..')), []);
  t.end();
});

t.test('a child has its parent’s own limit, one whose parent ended that of its beancounter', (t) => {
  const { rlimits, set, get, want } = machine(t);
  set(1, 100);
  rlimits.apply([want(1, 20)]);
  set(2, 20);
  set(3, 20);
  rlimits.apply([want(1, 20), want(2, 20), { ...want(3, 20), parent: 99 }]);
  rlimits.apply([]);
  t.same([get(1), get(2), get(3)], [100, 100, 100]);
  t.end();
});

t.test('a limit that a task sets itself is its own from then on', (t) => {
  const { rlimits, set, get, want } = machine(t);
  set(5, 100);
  rlimits.apply([want(5, 20)]);
  set(5, 50);
  rlimits.apply([want(5, 20)]);
  t.equal(get(5), 20);
  rlimits.apply([]);
  t.equal(get(5), 50);
  t.end();
});

t.test('a process of the same pid is not given another’s limit', (t) => {
  const { rlimits, set, get, want, file } = machine(t);
  set(5, 100);
  rlimits.apply([want(5, 20)]);
  set(5, 30);
  rlimits.apply([{ ...want(5, 25), start: '8' }]);
  t.equal(get(5), 25);
  file.keep([
    { pid: 5, start: '9', nofile: 1 },
    { pid: 6, start: '7', nofile: 1 },
  ]);
  rlimits.recover();
  t.equal(get(5), 25);
  t.end();
});

t.test('what was left in the file is put back, and what is no line of ours is passed over', (t) => {
  const { rlimits, soft, set, get, path, file, want } = machine(t);
  t.same(file.read(), []);
  set(5, 3);
  soft.set(`5 ${RLIMIT_DATA}`, 3);
  file.keep([{ pid: 5, start: '7', nofile: 100, data: Infinity }]);
  writeFileSync(path, `${readFileSync(path, 'utf8')}nonsense\n`);
  rlimits.recover();
  t.equal(get(5), 100);
  t.equal(soft.get(`5 ${RLIMIT_DATA}`), Infinity);
  rlimits.apply([want(77, 3)]);
  t.equal(get(77), undefined, 'no such process');
  t.end();
});

t.test('a child has its parent’s own limit too if the parent’s was set anew meanwhile', (t) => {
  const { rlimits, set, get, want } = machine(t);
  set(1, 100);
  rlimits.apply([want(1, 20)]);
  set(2, 20); // forked now
  rlimits.apply([want(1, 15)]);
  rlimits.apply([want(1, 15), want(2, 15)]);
  rlimits.apply([]);
  t.same([get(1), get(2)], [100, 100]);
  t.end();
});

t.test('a limit that was set in another beancounter, or too long ago, is taken for a child’s own', (t) => {
  const { rlimits, set, get, want } = machine(t);
  set(1, 1000);
  rlimits.apply([want(1, 20)]);
  set(2, 20);
  rlimits.apply([want(1, 20), { ...want(2, 10), group: 2 }]);
  for (let i = 0; i < 256; i += 1) rlimits.apply([want(1, 21 + i)]);
  set(3, 20);
  rlimits.apply([want(1, 21), want(3, 10)]);
  rlimits.apply([]);
  t.same([get(1), get(2), get(3)], [1000, 20, 20]);
  t.end();
});

t.test('after a kill a child that was forked meanwhile has its parent’s own limit', (t) => {
  const { rlimits, set, get, want, file } = machine(t);
  set(1, 20);
  file.keep([{ pid: 1, start: '7', nofile: 100 }]);
  rlimits.recover();
  t.equal(get(1), 100);
  set(2, 20);
  rlimits.apply([want(2, 10)]);
  t.equal(get(2), 10);
  rlimits.apply([]);
  t.equal(get(2), 100);
  t.end();
});

/** The controllers on files as kernels were recorded to have them: what older ones lack, and how v2 lowers a limit. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CgroupGroups } from '../../lib/host/cgroup-groups.js';
import { CgroupPids } from '../../lib/host/cgroup-pids.js';
import { CgroupV1Memory } from '../../lib/host/cgroup-v1-memory.js';
import { CgroupV2Memory } from '../../lib/host/cgroup-v2-memory.js';
import { put, recordedRoot, type Files } from '../fixtures/recorded-root.js';

const MIB = 1 << 20;

/** Groups of which 7 has some files, and that note which of them are asked for. */
class Recorded extends CgroupGroups {
  readonly asked: string[] = [];
  /** What `memory.current` shows, one after the other, and then the last again and again. */
  usages: number[] = [];

  override file(id: number, name: string): string {
    this.asked.push(name);
    const [usage] = this.usages;
    if (name === 'memory.current' && usage !== undefined) {
      put(this.directory, { [`${id}/${name}`]: `${usage}\n` });
      if (this.usages.length > 1) this.usages.shift();
    }
    return super.file(id, name);
  }

  read(name: string): string {
    return readFileSync(join(this.directory, '7', name), 'utf8');
  }
}

function recorded(t: Test, version: 'v1' | 'v2', files: Files): Recorded {
  const root = recordedRoot(t, { '/bcfs/7/': '' });
  put(join(root, 'bcfs/7'), files);
  return new Recorded({ version, controllers: ['memory', 'pids'], parent: root, own: root }, 'bcfs');
}

t.test('pids of Linux 5.10: no peak, events in one file', (t) => {
  const files = { 'pids.current': '3\n', 'pids.events': 'max 4\n', 'pids.max': '5\n' };
  const pids = new CgroupPids(recorded(t, 'v1', files));
  t.equal(pids.current(7), 3);
  t.equal(pids.peak(7), undefined);
  t.equal(pids.refused(7), 4);
  t.equal(pids.max(7), 5);
  t.end();
});

t.test('pids of Linux 6.12: the events of the group alone', (t) => {
  const files = { 'pids.peak': '9\n', 'pids.events': 'max 6\n', 'pids.events.local': 'max 4\n' };
  const pids = new CgroupPids(recorded(t, 'v2', files));
  t.equal(pids.peak(7), 9);
  t.equal(pids.refused(7), 4);
  t.end();
});

t.test('pids of v2 of Linux 6.1: events in one file', (t) => {
  t.equal(new CgroupPids(recorded(t, 'v2', { 'pids.events': 'max 6\n' })).refused(7), 6);
  t.end();
});

t.test('pids of Linux 4.9, which has no events yet', (t) => {
  t.equal(new CgroupPids(recorded(t, 'v1', { 'pids.events': '' })).refused(7), 0);
  t.end();
});

t.test('memory of v1: with what groups below have, as the limit bounds it', (t) => {
  const stat = 'cache 1\nrss 4096\nmapped_file 4096\ntotal_rss 8192\ntotal_mapped_file 12288\n';
  const groups = recorded(t, 'v1', {
    'memory.stat': stat,
    'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n',
    'memory.kmem.usage_in_bytes': '65536\n',
    'memory.kmem.max_usage_in_bytes': '131072\n',
  });
  const memory = new CgroupV1Memory(groups);
  t.equal(memory.resident(7), 5);
  t.equal(memory.killed(7), 0, 'before Linux 4.13 it does not tell');
  t.equal(memory.kernel(7), 65536);
  t.equal(memory.kernelPeak(7), 131072);
  t.throws(() => memory.setLimit(7, 4096), { code: 'ENOENT' });
  put(groups.directory, { '7/memory.stat': '' });
  t.equal(memory.resident(7), 0);
  t.end();
});

t.test('memory of v1 without kernel memory', (t) => {
  const memory = new CgroupV1Memory(recorded(t, 'v1', {}));
  t.equal(memory.kernel(7), undefined);
  t.equal(memory.kernelPeak(7), undefined);
  t.end();
});

t.test('memory of v2: what it counts', (t) => {
  const groups = recorded(t, 'v2', {
    'memory.stat': 'anon 8192\nfile 40960\nkernel 65536\nfile_mapped 4096\n',
    'memory.events': 'low 0\nhigh 0\nmax 9\noom 9\noom_kill 9\n',
    'memory.events.local': 'low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n',
    'memory.max': '4096\n',
    'memory.current': '12288\n',
    'memory.high': 'max\n',
  });
  const memory = new CgroupV2Memory(groups);
  t.equal(memory.resident(7), 3);
  t.equal(memory.kernel(7), 65536);
  t.equal(memory.kernelPeak(), undefined);
  t.equal(memory.killed(7), 1);
  t.equal(memory.refused(7), 3);
  t.equal(memory.limit(7), 4096);
  t.equal(memory.usage(7), 12288);
  memory.setBarrier(7, 4096);
  t.equal(groups.read('memory.high'), '4096');
  memory.setBarrier(7, undefined);
  t.equal(groups.read('memory.high'), 'max');
  t.end();
});

t.test('memory of v2 of Linux 5.1', (t) => {
  const events = 'low 0\nhigh 0\nmax 9\noom 8\noom_kill 7\n';
  const groups = recorded(t, 'v2', { 'memory.stat': '', 'memory.events': events });
  const memory = new CgroupV2Memory(groups);
  t.equal(memory.resident(7), 0);
  t.equal(memory.kernel(7), undefined);
  t.equal(memory.killed(7), 7);
  t.equal(memory.refused(7), 9);
  put(groups.directory, { '7/memory.events': '' });
  t.equal(memory.killed(7), 0);
  t.equal(memory.refused(7), 0);
  t.end();
});

/** A group of v2 that holds so much, at each time that one looks. */
function holding(t: Test, usages: number[], files: Files = {}): Recorded {
  const groups = recorded(t, 'v2', {
    'memory.max': 'max\n',
    'memory.reclaim': '',
    'memory.current': '',
    'cgroup.freeze': '0\n',
    'cgroup.events': 'populated 1\nfrozen 1\n',
    'cgroup.procs': '4321\n',
    ...files,
  });
  groups.usages = usages;
  return groups;
}

t.test('a limit of v2 is lowered while the tasks stand still, after what is over it was reclaimed', (t) => {
  const groups = holding(t, [100 * MIB, 84 * MIB, 70 * MIB, 64 * MIB]);
  new CgroupV2Memory(groups).setLimit(7, 64 * MIB + 1);
  t.equal(groups.read('memory.max'), String(64 * MIB));
  t.equal(groups.read('memory.reclaim'), String(6 * MIB), 'the last step');
  t.equal(groups.read('cgroup.freeze'), '0');
  const [, , frozen, , ...rest] = groups.asked;
  t.equal(frozen, 'cgroup.freeze');
  t.equal(rest.filter((name) => name === 'memory.current').length, 4);
  t.end();
});

t.test('a limit of v2 that is raised or taken away needs none of that', (t) => {
  const groups = holding(t, [100 * MIB], { 'memory.max': `${MIB}\n` });
  const memory = new CgroupV2Memory(groups);
  memory.setLimit(7, 2 * MIB);
  t.equal(groups.read('memory.max'), String(2 * MIB));
  memory.setLimit(7, undefined);
  t.equal(groups.read('memory.max'), 'max');
  memory.setLimit(7, undefined);
  t.equal(groups.read('cgroup.freeze'), '0\n', 'it was not touched');
  t.notOk(groups.asked.includes('memory.current'));
  t.end();
});

t.test('a limit of v2 that cannot be reached: nothing changes, and the tasks go on', (t) => {
  for (const files of [{}, { 'cgroup.events': 'populated 1\nfrozen 0\n' }]) {
    const groups = holding(t, [100 * MIB, 90 * MIB, 90 * MIB], files);
    t.throws(() => new CgroupV2Memory(groups).setLimit(7, 64 * MIB), {
      code: 'ENOMEM',
      message: `beancounter 7 holds more than ${64 * MIB} bytes, and not enough of it can be reclaimed`,
    });
    t.equal(groups.read('memory.max'), 'max\n');
    t.equal(groups.read('cgroup.freeze'), '0');
  }
  t.end();
});

t.test('a limit of v2 before Linux 5.19, where nothing can be reclaimed', (t) => {
  const groups = holding(t, [100 * MIB]);
  rmSync(join(groups.directory, '7/memory.reclaim'));
  const memory = new CgroupV2Memory(groups);
  t.throws(() => memory.setLimit(7, 64 * MIB), { code: 'ENOMEM' });
  memory.setLimit(7, 128 * MIB);
  t.equal(groups.read('memory.max'), String(128 * MIB));
  t.end();
});

t.test('reclaiming that fails otherwise is an error of its own', (t) => {
  const groups = recorded(t, 'v2', {
    'memory.max': 'max\n',
    'memory.current': `${MIB}\n`,
    'memory.reclaim/': '',
    'cgroup.procs': '',
  });
  t.throws(
    () => new CgroupV2Memory(groups).setLimit(7, 4096),
    { code: 'EISDIR' },
    'without cgroup.freeze too',
  );
  t.equal(groups.read('memory.max'), 'max\n');
  t.end();
});

t.test('nobody stops himself, nor lets go on whom another has stopped', (t) => {
  for (const files of [{ 'cgroup.procs': `1\n${process.pid}\n` }, { 'cgroup.freeze': '1\n' }]) {
    const groups = holding(t, [MIB], files);
    const before = groups.read('cgroup.freeze');
    new CgroupV2Memory(groups).setLimit(7, 2 * MIB);
    t.equal(groups.read('memory.max'), String(2 * MIB));
    t.equal(groups.read('cgroup.freeze'), before);
  }
  t.end();
});

t.test('a directory that cannot be made or removed', (t) => {
  const root = recordedRoot(t, { '/bcfs': 'a file' });
  const groups = new CgroupGroups({ version: 'v1', controllers: [], parent: root, own: root }, 'bcfs');
  t.throws(() => groups.make(7), { code: 'ENOTDIR', message: `mkdir ${root}/bcfs/7` });
  t.throws(() => groups.remove(7), { code: 'ENOTDIR', message: `rmdir ${root}/bcfs/7` });
  t.strictSame(groups.ids(), []);
  t.end();
});

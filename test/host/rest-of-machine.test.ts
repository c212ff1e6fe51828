import t from 'tap';
import { machineTotals } from '../../lib/host/rest-of-machine.js';
import { put, recordedRoot } from '../fixtures/recorded-root.js';

const recorded = {
  loadavg: '0.52 0.58 0.59 3/1234 98765\n',
  'sys/fs/file-nr': '4096\t0\t9223372036854775807\n',
  meminfo: [
    'MemTotal:       16315620 kB',
    'AnonPages:         40000 kB',
    'Mapped:             8000 kB',
    'Slab:               1000 kB',
    'KernelStack:         200 kB',
    'PageTables:           30 kB',
    'SecPageTables:         4 kB',
    'CommitLimit:    99999999 kB',
    'Committed_AS:     400000 kB',
    'Percpu:                5 kB\n',
  ].join('\n'),
};

function all(proc: string) {
  return Object.fromEntries(Object.entries(machineTotals(proc)).map(([name, total]) => [name, total()]));
}

t.test('each resource has the total of the machine, in its unit', (t) => {
  t.strictSame(all(recordedRoot(t, recorded)), {
    numtasks: 1234,
    numfiles: 4096,
    physpages: 12_000,
    privvmpages: 100_000,
    kmemsize: 1239 * 1024,
  });
  t.end();
});

t.test('a line that an older kernel does not have counts nothing', (t) => {
  const proc = recordedRoot(t, recorded);
  put(proc, { meminfo: recorded.meminfo.replace(/^(SecPageTables|Percpu).*\n/gm, '') });
  t.equal(all(proc)['kmemsize'], 1230 * 1024);
  t.end();
});

t.test('the totals of this machine are numbers', (t) => {
  for (const [name, total] of Object.entries(all('/proc'))) t.ok(total > 0 && Number.isFinite(total), name);
  t.end();
});

t.test('what cannot be read throws', (t) => {
  t.throws(() => machineTotals(recordedRoot(t, {}))['numtasks']?.(), { code: 'ENOENT' });
  t.end();
});

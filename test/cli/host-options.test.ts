import t from 'tap';
import { defaultSettings, parseMountOptions, type MountSettings } from '../../lib/cli/mount-options.js';

const cases: [options: string, settings: Partial<MountSettings>][] = [
  ['ro', { ro: true }],
  ['interval=0.1', { interval: 0.1 }],
  ['interval=3600', { interval: 3600 }],
  ['interval=2.50', { interval: 2.5 }],
  ['interval=2,interval=3', { interval: 3 }],
  ['cgroup=bcfs-a', { cgroup: 'bcfs-a' }],
  ['cgroup=...', { cgroup: '...' }],
  ['oom', { oom: true }],
  ['trust,uid=3', { trust: true, uid: 3 }],
];

for (const [options, settings] of cases) {
  t.test(`-o ${options}`, (t) => {
    t.strictSame(parseMountOptions(options), { ...defaultSettings(), ...settings });
    t.end();
  });
}

t.test('by default a second, bcfs, and neither oom nor trust', (t) => {
  t.match(defaultSettings(), { interval: 1, cgroup: 'bcfs', oom: false, trust: false });
  t.end();
});

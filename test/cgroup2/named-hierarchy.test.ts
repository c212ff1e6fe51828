/** A hierarchy that only follows tasks, mounted beside v2 as `mount -t cgroup -o none,name=bcfs` does. */
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { findMachine } from '../../lib/host/machine.js';
import { cleared, rootOfMachine, uniqueName } from '../fixtures/live-groups.js';
import { runGroupsSuite } from '../suites/groups.js';

/** Mounts are for a machine that is thrown away. */
const needsEmulation = { skip: process.env['BCFS_EMULATED'] !== '1' && 'needs npm run test:cgroup2' };

t.test('groups of tasks, in a named hierarchy', needsEmulation, async (t) => {
  const mountpoint = '/mnt';
  execFileSync('mount', ['-t', 'cgroup', '-o', 'none,name=bcfs', 'none', mountpoint]);
  t.teardown(() => execFileSync('umount', [mountpoint]));
  await runGroupsSuite(t, (t) => {
    const root = rootOfMachine(t);
    // What a host has of which nothing but this is ours.
    const mountinfo = readFileSync(`${root}/proc/self/mountinfo`, 'utf8');
    const line = mountinfo.split('\n').find((line) => line.includes(` ${mountpoint} `));
    writeFileSync(`${root}/proc/self/mountinfo`, `${String(line)}\n`);
    symlinkSync(mountpoint, root + mountpoint);
    const machine = cleared(t, findMachine({ host: 'cgroup', cgroup: uniqueName(), root }));
    t.equal(machine.kind, 'named hierarchy');
    return machine;
  });
});

/** Which hierarchies are chosen, by the mounts and groups that machines were recorded to have. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Machine, MachineOptions } from '../../lib/host/groups.js';
import { findMachine } from '../../lib/host/machine.js';
import { Agent } from '../fixtures/agent.js';
import { needsGroups, rootOfMachine, uniqueName } from '../fixtures/live-groups.js';
import { recordedRoot, type Files } from '../fixtures/recorded-root.js';

/** Lines of mountinfo. */
const v2At = (mountpoint: string, { root = '/', flags = 'rw' } = {}) =>
  `35 24 0:30 ${root} ${mountpoint} ${flags},nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n`;
const v1At = (mountpoint: string, options: string, { root = '/', flags = 'rw' } = {}) =>
  `38 30 0:35 ${root} ${mountpoint} ${flags},relatime shared:11 - cgroup cgroup rw,${options}\n`;
const otherMounts =
  '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n' +
  '30 22 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n';

/** The root of a v2 hierarchy. */
const v2Root = (top: string, controllers: string, enabled = ''): Files => ({
  [`${top}/cgroup.controllers`]: `${controllers}\n`,
  [`${top}/cgroup.subtree_control`]: `${enabled}\n`,
  [`${top}/cgroup.procs`]: '1\n',
});

/** Any other group of v2. */
const v2Group = (
  group: string,
  { controllers = '', enabled = '', procs = '', type = 'domain' } = {},
): Files => ({
  ...v2Root(group, controllers, enabled),
  [`${group}/cgroup.procs`]: procs,
  [`${group}/cgroup.type`]: `${type}\n`,
});

interface Recorded {
  readonly title: string;
  readonly mounts: string;
  /** /proc/self/cgroup. */
  readonly cgroup: string;
  readonly files: Files;
  /** The directory and the controllers of each hierarchy. */
  readonly hierarchies: readonly string[];
  /** Default: the first of them. */
  readonly members?: string;
  readonly kind: string;
}

const top = '/sys/fs/cgroup';
const service = `${top}/system.slice/bcfs.service`;

const table: readonly Recorded[] = [
  {
    title: 'v1, each controller on its own: memory comes first',
    mounts: v1At(`${top}/pids`, 'pids') + v1At(`${top}/memory`, 'memory') + v1At(`${top}/cpu`, 'cpu,cpuacct'),
    cgroup: '3:pids:/\n2:memory:/\n1:cpu,cpuacct:/\n',
    files: { [`${top}/pids/`]: '', [`${top}/memory/`]: '', [`${top}/cpu/`]: '' },
    hierarchies: [`${top}/memory/bcfs memory`, `${top}/pids/bcfs pids`],
    kind: 'cgroup v1',
  },
  {
    title: 'v1, both controllers in one hierarchy: it counts once',
    mounts: v1At(`${top}/memory,pids`, 'memory,pids') + v1At('/mnt/again', 'memory,pids'),
    cgroup: '3:pids,memory:/\n',
    files: { [`${top}/memory,pids/`]: '', '/mnt/again/': '' },
    hierarchies: [`${top}/memory,pids/bcfs memory,pids`],
    kind: 'cgroup v1',
  },
  {
    title: 'v1, in a group of its own in each hierarchy: below that one',
    mounts: v1At(`${top}/memory`, 'memory') + v1At(`${top}/pids`, 'pids'),
    cgroup: '3:pids:/user.slice/user-0.slice\n2:memory:/a:b/gone (deleted)\n',
    files: { [`${top}/pids/user.slice/user-0.slice/`]: '', [`${top}/memory/a:b/`]: '' },
    hierarchies: [`${top}/memory/a:b/bcfs memory`, `${top}/pids/user.slice/user-0.slice/bcfs pids`],
    kind: 'cgroup v1',
  },
  {
    title: 'v1 in a container that sees its own group alone',
    mounts: v1At(`${top}/memory`, 'memory', { root: '/docker/a\\040b' }),
    cgroup: '2:memory:/docker/a b/inner\n',
    files: { [`${top}/memory/inner/`]: '' },
    hierarchies: [`${top}/memory/inner/bcfs memory`],
    kind: 'cgroup v1',
  },
  {
    title: 'v1 seen from outside of what is mounted: at the mountpoint',
    mounts: v1At(`${top}/memory`, 'memory', { root: '/docker/one' }) + v1At(`${top}/pids`, 'pids'),
    cgroup: '2:memory:/docker/one-more\n3:pids:/../outside\n',
    files: { [`${top}/memory/`]: '', [`${top}/pids/`]: '' },
    hierarchies: [`${top}/memory/bcfs memory`, `${top}/pids/bcfs pids`],
    kind: 'cgroup v1',
  },
  {
    title: 'v1 with one hierarchy read-only: without it',
    mounts: v1At(`${top}/memory`, 'memory', { flags: 'ro' }) + v1At(`${top}/pids`, 'pids'),
    cgroup: '2:memory:/\n3:pids:/\n',
    files: { [`${top}/memory/`]: '', [`${top}/pids/`]: '' },
    hierarchies: [`${top}/pids/bcfs pids`],
    kind: 'cgroup v1',
  },
  {
    title: 'v1 where the superblock is read-only, or the mountpoint is hidden: nothing',
    mounts: v1At(`${top}/memory`, 'memory').replace('cgroup rw', 'cgroup ro') + v1At(`${top}/pids`, 'pids'),
    cgroup: '2:memory:/\n3:pids:/\n',
    files: { [`${top}/memory/`]: '' },
    hierarchies: [],
    kind: '/proc',
  },
  {
    title: 'v2, at the root: controllers are there to be enabled',
    mounts: v2At(top),
    cgroup: '0::/\n',
    files: v2Root(top, 'cpuset cpu io memory hugetlb pids'),
    hierarchies: [`${top}/bcfs memory,pids`],
    kind: 'cgroup v2',
  },
  {
    title:
      'v2, in a service, whose own group has its process: in the nearest above whose children have controllers',
    mounts: v2At(top),
    cgroup: '0::/system.slice/bcfs.service\n',
    files: {
      ...v2Root(top, 'cpu memory pids', 'cpu memory pids'),
      ...v2Group(`${top}/system.slice`, { controllers: 'cpu memory pids', enabled: 'memory pids' }),
      ...v2Group(service, { controllers: 'memory pids', procs: '100\n' }),
    },
    hierarchies: [`${top}/system.slice/bcfs memory,pids`],
    kind: 'cgroup v2',
  },
  {
    title: 'v2, below a delegated group without processes: there, with what was delegated',
    mounts: v2At(top),
    cgroup: '0::/system.slice/bcfs.service/daemon\n',
    files: {
      ...v2Root(top, 'cpu memory pids', 'cpu memory pids'),
      ...v2Group(`${top}/system.slice`, { controllers: 'cpu memory pids', enabled: 'memory pids' }),
      ...v2Group(service, { controllers: 'cpu pids' }),
      ...v2Group(`${service}/daemon`, { procs: '100\n' }),
    },
    hierarchies: [`${service}/bcfs pids`],
    kind: 'cgroup v2',
  },
  {
    title: 'v2, where groups on the way are threaded: in the nearest that is not',
    mounts: v2At(top),
    cgroup: '0::/a/b\n',
    files: {
      ...v2Root(top, 'memory pids', 'memory pids'),
      ...v2Group(`${top}/a`, { controllers: 'pids', enabled: 'pids', type: 'domain threaded' }),
      ...v2Group(`${top}/a/b`, { controllers: 'pids', type: 'threaded' }),
    },
    hierarchies: [`${top}/bcfs memory,pids`],
    kind: 'cgroup v2',
  },
  {
    title: 'v2 in a container whose only group has all its processes: it follows them, and counts nothing',
    mounts: v2At(top, { root: '/../..' }),
    cgroup: '0::/\n',
    files: v2Group(top, { controllers: 'memory pids', procs: '1\n100\n' }),
    hierarchies: [`${top}/bcfs `],
    kind: 'cgroup v2',
  },
  {
    title: 'both at once, pids in v1 and memory in v2: memory first, and v1 says who is a member',
    mounts: v1At(`${top}/pids`, 'pids') + v2At(`${top}/unified`),
    cgroup: '3:pids:/\n0::/\n',
    files: { [`${top}/pids/`]: '', ...v2Root(`${top}/unified`, 'memory io') },
    hierarchies: [`${top}/unified/bcfs memory`, `${top}/pids/bcfs pids`],
    members: `${top}/pids/bcfs`,
    kind: 'cgroup v1 and v2',
  },
  {
    title: 'both at once, with all controllers in v1: v2 is left alone',
    mounts: v2At(`${top}/unified`) + v1At(`${top}/memory`, 'memory') + v1At(`${top}/pids`, 'pids'),
    cgroup: '3:pids:/\n2:memory:/\n0::/\n',
    files: { [`${top}/pids/`]: '', [`${top}/memory/`]: '', ...v2Root(`${top}/unified`, '') },
    hierarchies: [`${top}/memory/bcfs memory`, `${top}/pids/bcfs pids`],
    kind: 'cgroup v1',
  },
  {
    title: 'a named hierarchy beside v2 without controllers: it takes threads',
    mounts: v2At(top) + v1At(`${top}/systemd`, 'xattr,name=systemd') + v1At('/mnt/other', 'name=other'),
    cgroup: '9:name=systemd:/\n10:name=other:/\n0::/\n',
    files: { ...v2Root(top, 'hugetlb'), [`${top}/systemd/`]: '', '/mnt/other/': '' },
    hierarchies: ['/mnt/other/bcfs '],
    kind: 'named hierarchy',
  },
  {
    title: 'of two named hierarchies the one that has our name',
    mounts: v1At('/mnt/other', 'name=other') + v1At('/mnt/ours', 'name=bcfs'),
    cgroup: '9:name=other:/\n10:name=bcfs:/\n',
    files: { '/mnt/other/': '', '/mnt/ours/': '' },
    hierarchies: ['/mnt/ours/bcfs '],
    kind: 'named hierarchy',
  },
  {
    title: "systemd's own hierarchy is not for us, nor one of another controller",
    mounts: v1At(`${top}/systemd`, 'xattr,name=systemd') + v1At(`${top}/cpu`, 'cpu'),
    cgroup: '9:name=systemd:/\n1:cpu:/\n',
    files: { [`${top}/systemd/`]: '', [`${top}/cpu/`]: '' },
    hierarchies: [],
    kind: '/proc',
  },
  {
    title: 'v2 without controllers, where there is nothing else',
    mounts: v2At(`${top}/unified`) + v1At(`${top}/systemd`, 'name=systemd'),
    cgroup: '9:name=systemd:/\n0::/a\n',
    files: {
      ...v2Root(`${top}/unified`, 'hugetlb'),
      ...v2Group(`${top}/unified/a`, { procs: '100\n' }),
      [`${top}/systemd/`]: '',
    },
    hierarchies: [`${top}/unified/a/bcfs `],
    kind: 'cgroup v2',
  },
  {
    title: 'v2, in a group that goes while one looks at it',
    mounts: v2At(top),
    cgroup: '0::/gone\n',
    files: { [`${top}/gone/`]: '', ...v2Root(top, 'memory') },
    hierarchies: [`${top}/bcfs memory`],
    kind: 'cgroup v2',
  },
  {
    title: 'no cgroups at all',
    mounts: '',
    cgroup: '',
    files: {},
    hierarchies: [],
    kind: '/proc',
  },
  {
    title: 'hierarchies that this process is in none of, or whose mountpoint is not there',
    mounts: v1At(`${top}/memory`, 'memory') + v2At(`${top}/unified`),
    cgroup: '3:pids:/\n0::/\n',
    files: { [`${top}/memory/`]: '' },
    hierarchies: [],
    kind: '/proc',
  },
];

function rootOf(t: Test, { mounts, cgroup, files }: Recorded): string {
  const proc = { '/proc/self/mountinfo': otherMounts + mounts, '/proc/self/cgroup': cgroup };
  return recordedRoot(t, { ...proc, ...files });
}

function find(root: string, options: Partial<MachineOptions> = {}): Machine {
  return findMachine({ host: 'auto', cgroup: 'bcfs', root, ...options });
}

for (const recorded of table) {
  t.test(recorded.title, (t) => {
    const { hierarchies, kind } = recorded;
    const members = recorded.members ?? hierarchies[0]?.replace(/ .*/, '');
    const root = rootOf(t, recorded);
    const machine = find(root);
    const shown = machine.hierarchies.map(
      ({ directory, controllers }) => `${directory.slice(root.length)} ${controllers.join()}`,
    );
    t.strictSame(shown, hierarchies);
    t.equal(machine.members?.directory.slice(root.length), members);
    t.equal(machine.kind, kind);

    t.equal(
      machine.memory !== undefined,
      hierarchies.some((hierarchy) => / memory/.test(hierarchy)),
    );
    t.equal(
      machine.pids !== undefined,
      hierarchies.some((hierarchy) => / \S*pids$/.test(hierarchy)),
    );
    const memoryVersion = machine.hierarchies.find(({ controllers }) =>
      controllers.includes('memory'),
    )?.version;
    t.equal(machine.oom !== undefined, memoryVersion === 'v1');
    for (const { directory } of machine.hierarchies) t.equal(existsSync(directory), false, 'nothing is made');

    const procfs = find(root, { host: 'procfs' });
    t.strictSame(procfs.hierarchies, []);
    t.equal(procfs.members ?? procfs.pids ?? procfs.memory ?? procfs.oom, undefined);
    t.equal(procfs.kind, '/proc');

    const insist = () => find(root, { host: 'cgroup' });
    if (hierarchies.length > 0) t.equal(insist().kind, kind);
    else t.throws(insist, { code: 'EPERM', message: /no cgroup hierarchy can be written/ });
    t.end();
  });
}

const v2 = table.find(({ title }) => title.startsWith('v2, in a service'))!;

t.test('in v2 the first group enables what is missing, in our directory and in its parent alone', (t) => {
  const root = rootOf(t, v2);
  const [groups] = find(root).hierarchies;
  const control = (group: string) => join(root, group, 'cgroup.subtree_control');
  t.throws(() => groups?.make(7), { code: 'ENOENT' }, 'a plain directory has no such file');
  t.equal(existsSync(join(root, top, 'system.slice/bcfs')), true);
  writeFileSync(control(`${top}/system.slice/bcfs`), '\n');
  writeFileSync(control(`${top}/system.slice`), 'memory\n');
  groups?.make(7);
  t.equal(readFileSync(control(`${top}/system.slice/bcfs`), 'utf8'), '+memory +pids');
  t.equal(readFileSync(control(`${top}/system.slice`), 'utf8'), '+pids');
  t.equal(readFileSync(control(service), 'utf8'), '\n');
  t.equal(readFileSync(control(top), 'utf8'), 'cpu memory pids\n');
  t.strictSame(groups?.ids(), [7]);
  t.equal(groups?.remove(7), true);
  t.equal(existsSync(join(root, top, 'system.slice/bcfs')), true, 'not empty');
  t.end();
});

t.test('beancounter 0 is the group that bcfs is in, wherever its directory is', (t) => {
  const root = rootOf(t, v2);
  const [groups] = find(root).hierarchies;
  groups?.moveProcess(4321, 0);
  t.equal(readFileSync(join(root, service, 'cgroup.procs'), 'utf8'), '4321');
  t.strictSame(groups?.processes(0), [4321]);
  writeFileSync(join(root, service, 'cgroup.procs'), '20\n0\n3\n20\n');
  t.strictSame(groups?.processes(0), [3, 20], 'each once, and not those of another pid namespace');
  writeFileSync(join(root, service, 'cgroup.threads'), '5\n4\n');
  t.strictSame(groups?.threads(0), [4, 5]);
  t.end();
});

t.test('a name that is none of a directory', (t) => {
  for (const cgroup of ['', '.', '..', 'a/b'])
    t.throws(() => findMachine({ host: 'procfs', cgroup }), { code: 'EINVAL' }, `'${cgroup}'`);
  t.end();
});

t.test('a kernel without cgroups, which has no /proc/self/cgroup', (t) => {
  const root = recordedRoot(t, { '/proc/self/mountinfo': otherMounts + v2At(top) });
  t.equal(find(root).kind, '/proc');
  t.equal(find(recordedRoot(t, {})).kind, '/proc', 'nor any other of these files');
  t.end();
});

t.test('this machine, in a group that was delegated: below it', needsGroups, (t) => {
  const name = uniqueName();
  const outer = find(rootOfMachine(t), { cgroup: name });
  for (const groups of outer.hierarchies) groups.make(1);
  const inner = find(rootOfMachine(t, `/${name}/1`), { cgroup: name });
  for (const [i, groups] of inner.hierarchies.entries()) {
    groups.make(7);
    t.equal(outer.hierarchies[i]?.remove(1), false);
    t.equal(groups.remove(7), true);
    t.equal(outer.hierarchies[i]?.remove(1), true);
  }
  t.equal(inner.kind, outer.kind);
  t.end();
});

t.test(
  'this machine, in a group with a process: v2 takes the nearest without one',
  needsGroups,
  async (t) => {
    const name = uniqueName();
    const outer = find(rootOfMachine(t), { cgroup: name });
    const agent = await Agent.start(t);
    for (const groups of outer.hierarchies) {
      groups.make(1);
      groups.moveProcess(agent.pid, 1);
    }
    const inner = find(rootOfMachine(t, `/${name}/1`), { cgroup: name });
    t.equal(inner.kind, outer.kind);
    for (const [i, groups] of inner.hierarchies.entries()) {
      const above = outer.hierarchies[i];
      const hasControllers = groups.version === 'v2' && groups.controllers.length > 0;
      const place = hasControllers ? `${name}/${name}` : `${name}/1/${name}`;
      t.equal(groups.directory.endsWith(`/${place}`), true, groups.directory);
      groups.make(7);
      groups.moveProcess(agent.pid, 7);
      t.strictSame(groups.processes(7), [agent.pid]);
      groups.moveProcess(agent.pid, 0);
      t.strictSame(above?.processes(1), [agent.pid]);
      t.equal(groups.remove(7), true);
      above?.moveProcess(agent.pid, 0);
      t.equal(above?.remove(1), true);
      t.equal(existsSync(String(above?.directory)), false);
    }
  },
);

t.test('this machine as it is', (t) => {
  t.match(findMachine({ host: 'auto', cgroup: uniqueName() }).kind, /^cgroup|^named|^\/proc$/);
  t.end();
});

/** Which of the kernel's hierarchies are used on this machine, and for what. docs/host.md tells it at length. */
import { BcfsError } from '../errors.js';
import { CgroupGroups } from './cgroup-groups.js';
import { CgroupPids } from './cgroup-pids.js';
import { CgroupV1Memory } from './cgroup-v1-memory.js';
import { CgroupV2Memory } from './cgroup-v2-memory.js';
import type { Controller, Groups, Machine, MachineOptions } from './groups.js';
import { controllers, writableHierarchies, type Hierarchy } from './hierarchies.js';

/** Named hierarchies in which an init system keeps account of its services: a move would confuse it. */
const foreignNames: readonly (string | undefined)[] = ['systemd', 'openrc', 'elogind'];

/**
 * Looks at a machine. Makes nothing: bcfs's directories come with the first group that is made in them.
 *
 * @throws BcfsError EINVAL for a name of bcfs's directory that is none; EPERM with `cgroup` where no hierarchy can be
 * written
 */
export function findMachine({ host, cgroup, root = '' }: MachineOptions): Machine {
  if (['', '.', '..'].includes(cgroup) || cgroup.includes('/'))
    throw new BcfsError('EINVAL', `'${cgroup}' is not the name of a directory in a cgroup hierarchy`);
  const chosen = host === 'procfs' ? [] : choose(writableHierarchies(root));
  if (host === 'cgroup' && chosen.length === 0) {
    const message =
      'no cgroup hierarchy can be written: run it as root, or in a cgroup that was delegated to you, or without the ' +
      'option that asks for cgroups';
    throw new BcfsError('EPERM', message);
  }
  const hierarchies = chosen.map(({ place }) => new CgroupGroups(place, cgroup));
  const having = (controller: Controller) =>
    hierarchies.find((groups) => groups.controllers.includes(controller));
  const pids = having('pids');
  const memory = having('memory');
  const v1Memory = memory?.version === 'v1' ? new CgroupV1Memory(memory) : undefined;
  return {
    hierarchies,
    // One that takes threads, where there is one: it knows of those that moved alone.
    members: hierarchies.find(({ version }) => version === 'v1') ?? hierarchies[0],
    pids: pids && new CgroupPids(pids),
    memory: v1Memory ?? (memory && new CgroupV2Memory(memory)),
    oom: v1Memory,
    kind: kindOf(hierarchies),
  };
}

/** The hierarchies that have our controllers, memory's first; where there is none, one that follows tasks. */
function choose(all: readonly Hierarchy[]): Hierarchy[] {
  const having = controllers.map((controller) =>
    all.find(({ place }) => place.controllers.includes(controller)),
  );
  const chosen = [...new Set(having)].filter((hierarchy) => hierarchy !== undefined);
  if (chosen.length > 0) return chosen;
  const named = all.filter(({ name }) => name !== undefined && !foreignNames.includes(name));
  const follower =
    named.find(({ name }) => name === 'bcfs') ?? named[0] ?? all.find(({ place }) => place.version === 'v2');
  return follower ? [follower] : [];
}

function kindOf(hierarchies: readonly Groups[]): string {
  const versions = [...new Set(hierarchies.map(({ version }) => version))].sort();
  if (versions.length === 0) return '/proc';
  const hasController = hierarchies.some(({ controllers }) => controllers.length > 0);
  return versions[0] === 'v1' && !hasController ? 'named hierarchy' : `cgroup ${versions.join(' and ')}`;
}

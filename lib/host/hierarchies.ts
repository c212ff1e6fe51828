/**
 * Where in the hierarchies of cgroups a directory of ours can be. Nothing is made or changed here.
 *
 * Each mount of type cgroup or cgroup2 is looked at on its own, for a host may have v1, v2, or both at once with some
 * controllers in each. In each, the directory is to be in the group that this process is in: there its tasks stay
 * bounded by what bounds this process, and there a container or a service has the right to make groups. Where that one
 * cannot be written, the nearest one above it that can.
 *
 * v2 has one rule more: "no internal processes". A group other than the root has either processes or children with
 * controllers. A service's own group has a process, this one. So there the nearest group is taken in which
 * controllers can be had: the root, one whose children have them already, or one without processes.
 *
 * Sources: the kernel's cgroup-v1/cgroups.rst and cgroup-v2.rst, proc_pid_mountinfo(5), cgroups(7).
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Place } from './cgroup-groups.js';
import type { Controller } from './groups.js';
import { isWritable, readTextIfThere } from './kernel-files.js';

/** A hierarchy in which a directory can be made. */
export interface Hierarchy {
  readonly place: Place;
  /** Of a v1 hierarchy that was given one. */
  readonly name: string | undefined;
}

/** A mounted hierarchy. */
interface Mount {
  readonly version: 'v1' | 'v2';
  /** The group that the mountpoint shows: `/`, but where a container was given a part. */
  readonly root: string;
  readonly mountpoint: string;
  /** Of v1: the controllers and `name=`, among others. */
  readonly options: readonly string[];
}

/** Ours, in the order in which a move is made. */
export const controllers: readonly Controller[] = ['memory', 'pids'];

/** The hierarchies that can be written, in the order they were mounted. @param root in front of every path */
export function writableHierarchies(root: string): Hierarchy[] {
  const memberships = readMemberships(`${root}/proc/self/cgroup`);
  const found: Hierarchy[] = [];
  for (const mount of readCgroupMounts(`${root}/proc/self/mountinfo`)) {
    const own = memberships.find(({ subsystems }) =>
      mount.version === 'v2'
        ? subsystems.length === 0
        : subsystems.some((subsystem) => mount.options.includes(subsystem)),
    );
    if (!own) continue;
    const groups = upwards(mount, own.path)
      .map((path) => root + path)
      .filter((path) => existsSync(path));
    const place = mount.version === 'v2' ? placeInV2(groups) : placeInV1(groups, own.subsystems);
    const name = own.subsystems.find((subsystem) => subsystem.startsWith('name='))?.slice('name='.length);
    if (place) found.push({ place, name });
  }
  return found;
}

/** @param groups the group of this process and those above it */
function placeInV1(groups: readonly string[], subsystems: readonly string[]): Place | undefined {
  const [own] = groups;
  const parent = groups.find(isWritable);
  if (own === undefined || parent === undefined) return undefined;
  return {
    version: 'v1',
    controllers: controllers.filter((controller) => subsystems.includes(controller)),
    parent,
    own,
  };
}

function placeInV2(groups: readonly string[]): Place | undefined {
  const [own] = groups;
  if (own === undefined) return undefined;
  const places = groups
    .filter(isWritable)
    .map((parent): Place => ({ version: 'v2', controllers: controllersBelow(parent), parent, own }));
  return places.find((place) => place.controllers.length > 0) ?? places[0];
}

/** The controllers that a child of a group of v2 has, or can be given. */
function controllersBelow(group: string): Controller[] {
  const words = (name: string) => readTextIfThere(`${group}/${name}`)?.trim().split(' ') ?? [];
  const control = 'cgroup.subtree_control';
  const enabled = words(control);
  // The root of the hierarchy has no type. Threaded ones have no memory controller, and their children are theirs.
  const type = readTextIfThere(`${group}/cgroup.type`);
  if (type !== undefined && type !== 'domain\n') return [];
  const isFree = type === undefined || readTextIfThere(`${group}/cgroup.procs`) === '';
  const available = isFree && isWritable(`${group}/${control}`) ? words('cgroup.controllers') : [];
  return controllers.filter((controller) => enabled.includes(controller) || available.includes(controller));
}

/** The paths of a group and of all above it, up to the mountpoint. */
function upwards({ root, mountpoint }: Mount, group: string): string[] {
  const top = root === '/' ? '' : root;
  // A group that the mount does not show is seen from outside: nothing but the mountpoint is known of it.
  const isBelow = group.startsWith(`${top}/`) && !group.split('/').includes('..');
  const names = isBelow ? group.slice(top.length).split('/').filter(Boolean) : [];
  return names.map((_, i) => [mountpoint, ...names.slice(0, names.length - i)].join('/')).concat(mountpoint);
}

/** Those that are not mounted read-only. */
function readCgroupMounts(path: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of readLines(path)) {
    const [, , , root = '', mountpoint = '', flags = '', ...rest] = line.split(' ');
    // After as many optional fields as there are.
    const [type, , options = ''] = rest.slice(rest.indexOf('-') + 1);
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    if (flags.split(',').includes('ro') || options.split(',').includes('ro')) continue;
    const version = type === 'cgroup' ? 'v1' : 'v2';
    mounts.push({
      version,
      root: unescape(root),
      mountpoint: unescape(mountpoint),
      options: options.split(','),
    });
  }
  return mounts;
}

/** The groups that this process is in. */
function readMemberships(path: string): { subsystems: string[]; path: string }[] {
  return readLines(path).map((line) => {
    const [, subsystems = '', ...rest] = line.split(':');
    return { subsystems: subsystems.split(',').filter(Boolean), path: rest.join(':') };
  });
}

/** None of a file that is not there: a kernel without cgroups has no /proc/self/cgroup. */
function readLines(path: string): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'latin1').split('\n').filter(Boolean);
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescape(text: string): string {
  const plain = text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  );
  return Buffer.from(plain, 'latin1').toString();
}

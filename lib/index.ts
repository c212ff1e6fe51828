/**
 * bcfs, the library: resource beancounters for the tenants of a Node program, and their tree for its operators.
 *
 *     const registry = new Registry();
 *     const tree = beancounterTree(registry);
 *     const mounted = await mount(tree, '/run/app/bc');
 */
export {
  BcfsError,
  errno,
  errnoName,
  isErrno,
  strerror,
  type Caller,
  type Errno,
  type ErrnoName,
} from './errors.js';

// The engine.
export { AddressSpace } from './bc/address-space.js';
export { Beancounter } from './bc/beancounter.js';
export { Counter, Severity } from './bc/counter.js';
export { KernelObject } from './bc/kernel-object.js';
export { Mapping, type MappingOptions } from './bc/mapping.js';
export { OpenFile } from './bc/open-file.js';
export { Page, type PageOptions } from './bc/page.js';
export { MAXID, Registry, standardResources, type RegistryOptions } from './bc/registry.js';
export { dummy, type Resource } from './bc/resource.js';
export { kmemsize } from './bc/resources/kmemsize.js';
export { numfiles } from './bc/resources/numfiles.js';
export { numtasks } from './bc/resources/numtasks.js';
export { physpages } from './bc/resources/physpages.js';
export { privvmpages } from './bc/resources/privvmpages.js';
export type { Source } from './bc/source.js';
export { taskSource } from './bc/task-source.js';
export { Task, Tasks, type ForkOptions } from './bc/tasks.js';
export { MAXHELD, MAXVALUE, type Dialect } from './bc/value.js';

// configfs in user space: for any subsystem.
export { ATTRIBUTE_SIZE, type Attribute } from './configfs/attribute.js';
export { Group, Item } from './configfs/item.js';
export { OpenAttribute } from './configfs/open-attribute.js';
export {
  Tree,
  type AttributeNode,
  type Entry,
  type Node,
  type Stat,
  type TreeOptions,
} from './configfs/tree.js';

// Beancounters as a tree.
export { beancounterTree, type BeancountersOptions } from './nodes/subsystem.js';

// Mounting a tree.
export { mount, type Mount, type MountOptions } from './fuse/mount.js';

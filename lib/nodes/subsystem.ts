/**
 * The subsystem `beancounters`: the mount point. mkdir makes a beancounter or finds the one that lives, rmdir
 * drops its directory. Source: v6.md, the tree (patch 5), and its two dialects.
 */
import type { Registry } from '../bc/registry.js';
import type { Source } from '../bc/source.js';
import { Tasks } from '../bc/tasks.js';
import { taskSource } from '../bc/task-source.js';
import { parseUnsigned, type Dialect } from '../bc/value.js';
import type { Attribute } from '../configfs/attribute.js';
import { Group, type Item } from '../configfs/item.js';
import { Tree, type TreeOptions } from '../configfs/tree.js';
import { BcfsError } from '../errors.js';
import { BeancounterGroup } from './beancounter-group.js';
import { ResourceItem } from './resource-item.js';

/** The largest id that mkdir takes: INT_MAX. */
const MAX_DIRECTORY_ID = 2 ** 31 - 1;
const ID_BITS = 32;

export interface BeancountersOptions extends TreeOptions {
  /** How numbers and names are read. Default: `people`. */
  readonly dialect?: Dialect;
  /** What feeds the engine from outside, and moves its tasks: `taskSource`, say. Default: there are no tasks yet. */
  readonly source?: Source;
  /** The uid of the process that moves tasks, with its rights. Default: 0. */
  readonly mover?: number;
  /**
   * Whether `tasks` and `threads` take a write by somebody whom the transport does not tell, where others than root and
   * the mover may write them. Default: false, and such a write is refused with EPERM.
   */
  readonly trust?: boolean;
}

export class BeancountersGroup extends Group {
  readonly registry: Registry;
  readonly dialect: Dialect;
  readonly source: Source;
  /** The uid that files have at first. */
  readonly owner: number;
  readonly mover: number;
  readonly trust: boolean;

  constructor(registry: Registry, options: BeancountersOptions = {}) {
    super();
    this.registry = registry;
    this.dialect = options.dialect ?? 'people';
    this.owner = options.uid ?? 0;
    this.mover = options.mover ?? 0;
    this.trust = options.trust ?? false;
    this.source = options.source ?? taskSource(new Tasks(registry));
    this.add('0', new BeancounterGroup(this, registry.root));
  }

  override get attributes(): readonly Attribute[] {
    return attributes;
  }

  override makeItem(name: string): Item {
    const id = this.#parseId(name);
    const found = this.registry.find(id);
    if (found) this.source.beforeFound?.(found);
    return new BeancounterGroup(this, this.registry.get(id));
  }

  override dropItem(item: Item): void {
    if (!(item instanceof BeancounterGroup)) return;
    this.source.beforeDropped?.(item.bc);
    item.bc.put();
  }

  #parseId(name: string): number {
    if (this.dialect === 'strict') {
      const id = parseUnsigned(name, 'strict', ID_BITS);
      if (id === undefined) throw new BcfsError('ENOMEM', 'v6 could not say EINVAL here');
      return Number(id);
    }
    const id = /^(0|[1-9][0-9]*)$/.test(name) ? Number(name) : Infinity;
    if (id > MAX_DIRECTORY_ID) {
      throw new BcfsError('EINVAL', `an id is a decimal number from 0 to ${MAX_DIRECTORY_ID}`);
    }
    return id;
  }
}

const attributes: readonly Attribute[] = [
  {
    name: 'description',
    mode: 0o444,
    // Spelled as v6 spells it: scripts compare it.
    show: () => 'Beancounters controll resource usage of task groups\n',
  },
];

/** The tree of a registry's beancounters. Resources that are registered later appear in it. */
export function beancounterTree(registry: Registry, options: BeancountersOptions = {}): Tree {
  const subsystem = new BeancountersGroup(registry, options);
  const tree = new Tree(subsystem, options);
  const directories = () =>
    [...subsystem.children.values()].filter((group) => group instanceof BeancounterGroup);
  registry.onRegister(
    (resource) => {
      for (const group of directories()) {
        const item = new ResourceItem(group.bc.counter(resource), subsystem);
        tree.registerGroup(group, resource.name, item);
      }
    },
    ({ name }) => {
      for (const group of directories()) group.mustTake(name);
    },
  );
  return tree;
}

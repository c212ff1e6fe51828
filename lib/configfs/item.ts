/**
 * Items and groups: the directories.
 *
 * An item is a directory with attributes, and belongs to the program that made it. A group is an item that holds
 * others: default groups, which come and go with it, and items that mkdir makes. To define a kind of item, extend
 * one of the two classes.
 *
 * The shape is that of Linux fs/configfs; see Documentation/filesystems/configfs.rst.
 */
import { BcfsError } from '../errors.js';
import type { Attribute } from './attribute.js';

/** What chmod, chown and utimes have set; what they have not is as the tree has it. */
export interface Settings {
  mode?: number;
  uid?: number;
  gid?: number;
  /** Milliseconds since 1970, as the next two. */
  atime?: number;
  mtime?: number;
  ctime?: number;
}

/** What the tree knows of an item that is linked into it. */
export interface Link {
  readonly name: string;
  readonly parent: Group | undefined;
  /** The inode number of the directory; its attributes have the numbers that follow. */
  readonly ino: number;
  /** When it was linked: milliseconds since 1970. Undefined: when its parent was. */
  readonly time: number | undefined;
  /** Whether it came with its parent, and goes only with it. */
  readonly isDefault: boolean;
  /** By attribute name; the directory's own under ''. Made when something is set. */
  settings: Map<string, Settings> | undefined;
}

export class Item {
  /** The tree's; undefined before the item is linked and after it is removed. */
  link: Link | undefined = undefined;

  /** The files of the directory; the same table for every item of a kind, which never changes. Default: none. */
  get attributes(): readonly Attribute[] {
    return [];
  }
}

/** What a name has at the most, NAME_MAX: bytes. */
export const NAME_SIZE = 255;

/** Whether a name is longer than a file system takes one. */
export function isTooLong(name: string): boolean {
  // A character takes three bytes at the most for each of its units of UTF-16.
  return name.length * 3 > NAME_SIZE && Buffer.byteLength(name) > NAME_SIZE;
}

/**
 * Refuses what cannot be the name of a directory or a file: the kernel fails the listing of all that is beside it.
 *
 * @throws BcfsError EINVAL, or ENAMETOOLONG for one of more than NAME_SIZE bytes
 */
export function mustBeName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new BcfsError('EINVAL', `${JSON.stringify(name)} cannot be a name`);
  }
  if (isTooLong(name)) throw new BcfsError('ENAMETOOLONG', `${name}: over ${NAME_SIZE} bytes`);
}

const noChildren: ReadonlyMap<string, Item> = new Map();

export class Group extends Item {
  /** Made with the first child: most groups never have one. */
  #children: Map<string, Item> | undefined;

  /** @param defaultGroups the directories that come with it, and go only with it, by name */
  constructor(defaultGroups: Iterable<readonly [name: string, group: Item]> = []) {
    super();
    for (const [name, group] of defaultGroups) this.add(name, group);
  }

  /** The directories in it, by name. */
  get children(): ReadonlyMap<string, Item> {
    return this.#children ?? noChildren;
  }

  /**
   * Makes the item that mkdir asks for. A throw refuses. Default: mkdir is refused with EPERM.
   *
   * @param name 1 to 255 bytes, not the name of a child or an attribute
   */
  makeItem?(name: string): Item;

  /** Gives up an item that rmdir has removed. Default: nothing. */
  dropItem?(item: Item): void;

  /**
   * Enters a child; for the tree and the constructor. A group in a tree is given one by `Tree.registerGroup`.
   *
   * @throws BcfsError what `mustTake` throws
   */
  add(name: string, item: Item): void {
    this.mustTake(name);
    this.#children ??= new Map();
    this.#children.set(name, item);
  }

  /**
   * Whether a child of this name may be added.
   *
   * @throws BcfsError EINVAL or ENAMETOOLONG if it cannot be a name, EEXIST if it is taken
   */
  mustTake(name: string): void {
    mustBeName(name);
    if (this.children.has(name) || this.attributes.some((attribute) => attribute.name === name)) {
      throw new BcfsError('EEXIST', `${name} is there already`);
    }
  }

  /** For the tree: removes a child. */
  remove(name: string): void {
    this.#children?.delete(name);
  }
}

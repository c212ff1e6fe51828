/**
 * The tree: file operations on items and their attributes, answered as configfs answers them.
 *
 * Every operation is synchronous, never throws, and returns a value or a negative errno. Nothing here knows what
 * the items stand for, nor who carries the operations. Permission bits are for whoever carries them to enforce
 * (the kernel does, for a mount); what is enforced here is what root does not override either.
 *
 * Source of each answer: configfs.md, and Linux fs/configfs/dir.c and inode.c.
 */
import { constants } from 'node:fs';
import {
  BcfsError,
  describe,
  errno,
  isErrno,
  safeLog,
  type Caller,
  type Errno,
  type ErrnoName,
} from '../errors.js';
import { ATTRIBUTE_SIZE, type Attribute } from './attribute.js';
import { Group, isTooLong, Item, mustBeName, NAME_SIZE, type Link, type Settings } from './item.js';
import { OpenAttribute } from './open-attribute.js';

const { S_IFDIR, S_IFREG, S_IFMT, O_ACCMODE, O_RDONLY, O_WRONLY } = {
  ...constants,
  O_ACCMODE: constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR,
};

/** An attribute of one item: what a path to a file leads to. */
export interface AttributeNode {
  readonly item: Item;
  readonly attribute: Attribute;
}

/** What a path leads to: a directory or a file. */
export type Node = Item | AttributeNode;

export interface Stat {
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970, as the next two. */
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

export interface Entry {
  readonly name: string;
  readonly node: Node;
}

export interface TreeOptions {
  /** The owner of every node that nobody chowned. Default: 0. */
  readonly uid?: number;
  /** The group of every node that nobody chowned. Default: 0. */
  readonly gid?: number;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
  /** Takes one line about a mistake in a show, a store, a makeItem or a dropItem. Default: a process warning. */
  readonly log?: (message: string) => void;
  /**
   * A show, a store, a makeItem or a dropItem that takes longer is logged with its path: milliseconds. Everybody who
   * uses the tree waits meanwhile. Default: 100.
   */
  readonly slow?: number;
  /** A clock that only goes forward, in milliseconds. Default: the system's. */
  readonly clock?: () => number;
}

/**
 * What a listener is told of a node: `attributes`, that chmod, chown or utimes changed it; `entries`, that names came
 * to a directory or left it, and so its link count and its times are others; `removed`, that a directory is about to
 * go, with all that is in it.
 */
export type Change = 'attributes' | 'entries' | 'removed';

/** Is told of each change as it happens. What it throws is logged. */
export type ChangeListener = (node: Node, change: Change) => void;

/** Milliseconds: what a show or a store may take before it is logged. */
const SLOW = 100;

/** Milliseconds: as much later is a directory's second change within one millisecond of the clock. */
const TICK = 0.001;

/** What statfs(2) tells. */
export const statfs = { bsize: 4096, namelen: NAME_SIZE } as const;

/** What chmod sets: the bits of set-user-id, set-group-id, sticky, and rwx three times. */
const PERMISSIONS = 0o7777;

const DIRECTORY_MODE = S_IFDIR | 0o755;

export class Tree {
  readonly root: Group;
  readonly #uid: number;
  readonly #gid: number;
  readonly #now: () => number;
  readonly #log: (message: string) => void;
  readonly #slow: number;
  readonly #clock: () => number;
  readonly #listeners = new Set<ChangeListener>();
  #nextIno = 1;

  /**
   * @param root the subsystem
   * @throws BcfsError EBUSY if it is in a tree already; EINVAL, ENAMETOOLONG if the name of an attribute cannot be one
   */
  constructor(root: Group, options: TreeOptions = {}) {
    this.root = root;
    this.#uid = options.uid ?? 0;
    this.#gid = options.gid ?? 0;
    this.#now = options.now ?? Date.now;
    this.#log = safeLog(options.log ?? ((message) => process.emitWarning(message, 'ConfigfsWarning')));
    this.#slow = options.slow ?? SLOW;
    this.#clock = options.clock ?? (() => performance.now());
    mustBeNew(root);
    mustHaveNames(root);
    this.#link(root, '', undefined, true, this.#now());
  }

  /**
   * Has `listener` told of every change from now on, whoever makes it: a mkdir, a chmod, a registerGroup. Values are
   * not watched: what they are is known when they are shown.
   *
   * @returns ends it
   */
  onChange(listener: ChangeListener): () => void {
    // A function of its own: the same one may listen twice.
    const entry: ChangeListener = (node, change) => listener(node, change);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** The node of a name in a directory; of an empty name, the directory itself. */
  lookup(directory: Node, name: string): Node | Errno {
    if (!(directory instanceof Item)) return -errno.ENOTDIR;
    if (!directory.link) return -errno.ENOENT;
    if (name === '') return directory;
    if (isTooLong(name)) return -errno.ENAMETOOLONG;
    const child = directory instanceof Group ? directory.children.get(name) : undefined;
    if (child) return child;
    const attribute = directory.attributes.find((each) => each.name === name);
    return attribute ? { item: directory, attribute } : -errno.ENOENT;
  }

  /** The node of a path from the root: names between slashes, none of them `.` or `..`. */
  resolve(path: string): Node | Errno {
    let node: Node = this.root;
    for (const name of path.split('/')) {
      const next = this.lookup(node, name);
      if (isErrno(next)) return next;
      node = next;
    }
    return node;
  }

  /** The directory that a node is in; the root is in itself. */
  parent(node: Node): Item {
    return node instanceof Item ? (node.link?.parent ?? node) : node.item;
  }

  /** The inode number of a node, which stays, and which no other node ever has; 0 for one that is removed. */
  ino(node: Node): number {
    const { link, attributes } = itemOf(node);
    if (!link) return 0;
    return node instanceof Item ? link.ino : link.ino + 1 + indexOf(attributes, node.attribute.name);
  }

  getattr(node: Node): Stat | Errno {
    const item = itemOf(node);
    const { link } = item;
    if (!link) return -errno.ENOENT;
    const set = link.settings?.get(nameOf(node));
    const time = timeOf(link);
    const isDirectory = node instanceof Item;
    return {
      ino: this.ino(node),
      mode: set?.mode ?? (isDirectory ? DIRECTORY_MODE : S_IFREG | node.attribute.mode),
      nlink: isDirectory ? 2 + (node instanceof Group ? node.children.size : 0) : 1,
      uid: set?.uid ?? this.#uid,
      gid: set?.gid ?? this.#gid,
      size: isDirectory ? 0 : ATTRIBUTE_SIZE,
      atime: set?.atime ?? time,
      mtime: set?.mtime ?? time,
      ctime: set?.ctime ?? time,
    };
  }

  /** chmod. Only the permission bits are taken; the type stays. */
  chmod(node: Node, mode: number): 0 | Errno {
    const type = node instanceof Item ? S_IFDIR : S_IFREG;
    return this.#change(node, { mode: type | (mode & PERMISSIONS) });
  }

  /** chown. -1 leaves an id as it is. */
  chown(node: Node, uid: number, gid: number): 0 | Errno {
    return this.#change(node, { ...(uid >= 0 && { uid }), ...(gid >= 0 && { gid }) });
  }

  /** utimes: milliseconds since 1970. */
  utimes(node: Node, atime: number, mtime: number): 0 | Errno {
    return this.#change(node, { atime, mtime });
  }

  /** truncate, ftruncate: no store, no size. */
  truncate(node: Node): 0 | Errno {
    if (node instanceof Item) return -errno.EISDIR;
    return node.item.link ? 0 : -errno.ENOENT;
  }

  /** The names in a directory: its groups and items, then its attributes. */
  readdir(node: Node): Entry[] | Errno {
    if (!(node instanceof Item)) return -errno.ENOTDIR;
    if (!node.link) return -errno.ENOENT;
    const entries: Entry[] = [];
    if (node instanceof Group) for (const [name, child] of node.children) entries.push({ name, node: child });
    for (const attribute of node.attributes)
      entries.push({ name: attribute.name, node: { item: node, attribute } });
    return entries;
  }

  /** mkdir. The mode asked for is ignored, as in configfs: directories are 0755. */
  mkdir(parent: Node, name: string): Item | Errno {
    const refusal = this.#refuseNew(parent, name, 'EPERM');
    if (refusal !== -errno.EPERM || !(parent instanceof Group)) return refusal;
    if (!parent.makeItem) return refusal;
    return this.#guard(
      () => `mkdir ${this.path(parent)}/${name}`,
      () => {
        mustBeName(name);
        const item: unknown = parent.makeItem?.(name);
        if (!(item instanceof Item) || !isNew(item)) throw new Error('makeItem gave no new item');
        try {
          mustHaveNames(item);
        } catch (error) {
          // A mistake of the program, and no refusal of the name that was asked for.
          throw new Error(`makeItem: ${describe(error)}`, { cause: error });
        }
        this.#enter(parent, name, item, false);
        return item;
      },
    );
  }

  /** rmdir. Default groups go with the item; items that mkdir made in it must have gone before. */
  rmdir(parent: Node, name: string): 0 | Errno {
    const item = this.lookup(parent, name);
    if (isErrno(item)) return item;
    if (!(item instanceof Item)) return -errno.ENOTDIR;
    const { link } = item;
    if (!link?.parent || link.isDefault) return -errno.EPERM;
    if (hasMadeItems(item)) return -errno.ENOTEMPTY;
    const group = link.parent;
    this.#tell(item, 'removed');
    group.remove(name);
    unlink(item);
    this.#touch(group);
    // The item is gone; a dropItem that throws cannot bring it back.
    this.#guard(
      () => `rmdir ${this.path(group)}/${name}`,
      () => group.dropItem?.(item),
    );
    return 0;
  }

  /**
   * Adds a default group to a group that is in the tree already: configfs_register_group of the kernel.
   *
   * @throws BcfsError ENOENT if the parent is in no tree, EEXIST if the name is taken, EBUSY if the group is in a tree
   * already, EINVAL or ENAMETOOLONG if the name, or that of an attribute in the group, cannot be one; nothing changes
   */
  registerGroup(parent: Group, name: string, group: Item): void {
    mustBeNew(group);
    mustHaveNames(group);
    this.#enter(parent, name, group, true);
  }

  /**
   * Opens an attribute.
   *
   * @param flags as open(2): only the access mode counts; O_TRUNC and O_APPEND change nothing
   * @param opener who opens it; undefined where the transport does not tell
   */
  open(node: Node, flags: number, opener?: Caller): OpenAttribute | Errno {
    if (node instanceof Item) return -errno.EISDIR;
    const { item, attribute } = node;
    const mode = this.#modeOf(node);
    if (isErrno(mode)) return mode;
    const access = flags & O_ACCMODE;
    const reads = access !== O_WRONLY;
    const writes = access !== O_RDONLY;
    if (reads && (!(mode & 0o444) || !attribute.show)) return -errno.EACCES;
    if (writes && (!(mode & 0o222) || !attribute.store)) return -errno.EACCES;
    return new OpenAttribute(item, attribute, { reads, writes, opener }, (call) =>
      this.#guard(() => `${this.path(item)}/${attribute.name}`, call),
    );
  }

  /** creat: configfs makes no files. */
  create(parent: Node, name: string): Errno {
    return this.#refuseNew(parent, name, 'EACCES');
  }

  /** mknod, by the type bits of the mode; a mode without any asks for a regular file. */
  mknod(parent: Node, name: string, mode: number): Errno {
    const type = mode & S_IFMT;
    return this.#refuseNew(parent, name, type === S_IFREG || type === 0 ? 'EACCES' : 'EPERM');
  }

  symlink(parent: Node, name: string): Errno {
    return this.#refuseNew(parent, name, 'EPERM');
  }

  /** link: the name would be another one of `node`. */
  link(node: Node | Errno, parent: Node, name: string): Errno {
    return isErrno(node) ? node : this.#refuseNew(parent, name, 'EPERM');
  }

  unlink(parent: Node, name: string): Errno {
    const node = this.lookup(parent, name);
    if (isErrno(node)) return node;
    return node instanceof Item ? -errno.EISDIR : -errno.EPERM;
  }

  rename(parent: Node, name: string): Errno {
    const node = this.lookup(parent, name);
    return isErrno(node) ? node : -errno.EPERM;
  }

  /** The path of an item from the root, for people to read: `/1/numtasks`; `` for the root. */
  path(item: Item): string {
    const { link } = item;
    return link?.parent ? `${this.path(link.parent)}/${link.name}` : '';
  }

  /** The answer to the making of a name: what stands in its way, or `refusal`. */
  #refuseNew(parent: Node, name: string, refusal: ErrnoName): Errno {
    const found = this.lookup(parent, name);
    if (!isErrno(found)) return -errno.EEXIST;
    return found === -errno.ENOENT && itemOf(parent).link ? -errno[refusal] : found;
  }

  #modeOf(node: AttributeNode): number | Errno {
    const { link } = node.item;
    if (!link) return -errno.ENOENT;
    return link.settings?.get(node.attribute.name)?.mode ?? node.attribute.mode;
  }

  #enter(parent: Group, name: string, item: Item, isDefault: boolean): void {
    if (!parent.link) throw new BcfsError('ENOENT', `${name}: its parent is in no tree`);
    parent.add(name, item);
    this.#link(item, name, parent, isDefault, this.#now());
    this.#touch(parent);
  }

  #link(item: Item, name: string, parent: Group | undefined, isDefault: boolean, time?: number): void {
    item.link = { name, parent, ino: this.#nextIno, time, isDefault, settings: undefined };
    this.#nextIno += 1 + item.attributes.length;
    if (!(item instanceof Group)) return;
    for (const [childName, child] of item.children) this.#link(child, childName, item, true);
  }

  #change(node: Node, change: Settings): 0 | Errno {
    const result = this.#set(node, change);
    if (result === 0) this.#tell(node, 'attributes');
    return result;
  }

  #set(node: Node, change: Settings): 0 | Errno {
    const { link } = itemOf(node);
    if (!link) return -errno.ENOENT;
    link.settings ??= new Map();
    const name = nameOf(node);
    let set = link.settings.get(name);
    if (!set) link.settings.set(name, (set = {}));
    set.ctime = this.#now();
    Object.assign(set, change);
    return 0;
  }

  /**
   * A directory whose entries changed. Its modification time is another after every change, within a millisecond too:
   * that is how the kernel knows that a listing that it keeps is out of date.
   */
  #touch(group: Group): void {
    const { link } = group;
    // A listener or a subsystem may have removed it meanwhile.
    if (!link) return;
    const now = this.#now();
    const mtime = link.settings?.get('')?.mtime ?? timeOf(link);
    this.#set(group, { mtime: mtime >= now && mtime < now + 1 ? mtime + TICK : now });
    this.#tell(group, 'entries');
  }

  #tell(node: Node, change: Change): void {
    for (const listener of this.#listeners) {
      try {
        listener(node, change);
      } catch (error) {
        this.#log(`a listener: ${describe(error)}`);
      }
    }
  }

  /** Runs what the subsystem wrote. The one place where a throw becomes an errno, and where it is timed. */
  #guard<T>(what: () => string, call: () => T): T | Errno {
    const start = this.#clock();
    try {
      return call();
    } catch (error) {
      if (error instanceof BcfsError) return error.errno;
      this.#log(`${what()}: ${describe(error)}`);
      return -errno.EIO;
    } finally {
      const took = this.#clock() - start;
      if (took > this.#slow) this.#log(`${what()}: took ${Math.round(took)} ms`);
    }
  }
}

/** When an item was linked, milliseconds since 1970. */
function timeOf({ time, parent }: Link): number {
  return time ?? timeOf(parent?.link as Link);
}

function itemOf(node: Node): Item {
  return node instanceof Item ? node : node.item;
}

/** The key of a node in its item's settings. */
function nameOf(node: Node): string {
  return node instanceof Item ? '' : node.attribute.name;
}

function indexOf(attributes: readonly Attribute[], name: string): number {
  return attributes.findIndex((attribute) => attribute.name === name);
}

/** Whether an item and all that come with it are in no tree, and each of them once among themselves. */
function isNew(item: Item, seen = new Set<Item>()): boolean {
  if (item.link || seen.has(item)) return false;
  seen.add(item);
  if (!(item instanceof Group)) return true;
  for (const child of item.children.values()) if (!isNew(child, seen)) return false;
  return true;
}

function mustBeNew(item: Item): void {
  if (!isNew(item)) throw new BcfsError('EBUSY', 'the item, or one in it, is in a tree already');
}

/** Tables whose names can be: all items of a kind have the same. */
const namedTables = new WeakSet<readonly Attribute[]>();

/** @throws BcfsError EINVAL, ENAMETOOLONG if an attribute of an item, or of one that comes with it, cannot be a file */
function mustHaveNames(item: Item): void {
  const { attributes } = item;
  if (!namedTables.has(attributes)) {
    for (const { name } of attributes) mustBeName(name);
    namedTables.add(attributes);
  }
  if (item instanceof Group) for (const child of item.children.values()) mustHaveNames(child);
}

function hasMadeItems(item: Item): boolean {
  if (!(item instanceof Group)) return false;
  for (const child of item.children.values()) {
    if (!child.link?.isDefault || hasMadeItems(child)) return true;
  }
  return false;
}

function unlink(item: Item): void {
  item.link = undefined;
  if (item instanceof Group) for (const child of item.children.values()) unlink(child);
}

/**
 * One mount's conversation with the kernel: a request in, a reply out, over a tree, and what the kernel is told of
 * changes that it did not ask for. No I/O: whoever has the descriptor reads into `request`, calls `handle`, writes
 * what `reply` holds, and then has `notify` write.
 *
 * Two tables say what each opcode asks for; what is in neither is answered with ENOSYS, which the kernel remembers
 * and does not ask again. A request that is not all there is answered with EIO. See docs/protocol.md.
 */
import createDebug from 'debug';
import { Item } from '../../configfs/item.js';
import { statfs, type Change, type Entry, type Node, type Stat, type Tree } from '../../configfs/tree.js';
import { describe, errno, isErrno, safeLog, type Caller, type Errno } from '../../errors.js';
import { OpenTable } from '../open-table.js';
import { Inodes } from './inodes.js';
import {
  attrOut,
  batchForgetIn,
  createIn,
  dirent,
  entryOut,
  forgetIn,
  forgetOne,
  getxattrIn,
  getxattrOut,
  inHeader,
  initIn,
  initOut,
  linkIn,
  mkdirIn,
  mknodIn,
  openIn,
  openOut,
  outHeader,
  readIn,
  releaseIn,
  setattrIn,
  statfsOut,
  writeIn,
  writeOut,
  type Field,
  type Layout,
} from './layout.js';
import { Message } from './message.js';
import { Notifications, type Send } from './notifications.js';
import { InitFlag, Opcode, opcodeName, OpenFlag, SetattrValid } from './opcode.js';

const debug = createDebug('bcfs:fuse');

/** The protocol's version: the major one that is spoken, the minor ones that are understood. */
const MAJOR = 7;
const FIRST_MINOR = 12;
const MINOR = 31;

/** Bytes: the largest write that arrives in one piece, as with libfuse 2. */
const MAX_WRITE = 128 * 1024;
/** What the kernel wants to have room for before it gives out a request (FUSE_MIN_READ_BUFFER, and a write). */
export const REQUEST_SIZE = MAX_WRITE + 4096;
const REPLY_SIZE = 128 * 1024 + outHeader.size;

/** INIT's answer before 7.23 ended after max_write. */
const SHORT_INIT_OUT = 24;

/** Of directory entries, above those of the dots. */
const FIRST_OFFSET = 2;

/** (uid_t) -1 and (gid_t) -1 of chown. */
const UNCHANGED = -1;

/** Seconds: for as long as nothing changes, and of what changes it is told. */
const VALIDITY = 24 * 60 * 60;

export interface SessionOptions {
  /** Seconds for which the kernel may use what it was told of names and modes. Default: a day. */
  readonly validity?: number;
  /** Takes one line about a handler that threw. */
  readonly log: (message: string) => void;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
  /** Is called when there is something to `notify`, in the midst of the change. Default: nobody is waiting for it. */
  readonly onNews?: () => void;
}

/** What a handler gives: 0, and the reply ends where its message does; or an errno. */
type Outcome = 0 | Errno;

/** What an opcode asks of a node. */
type NodeHandler = (session: Session, node: Node, nodeid: number) => Outcome;

/** What the kernel knows of its own request's success, by the inode number that changes. */
type Told = Readonly<Partial<Record<Change, number>>>;
const NOTHING: Told = {};

/** Where ESTALE has the kernel look the names up again that led to a node: what begins at a path. */
const RETRIED: ReadonlySet<number> = new Set([Opcode.GETATTR, Opcode.SETATTR, Opcode.OPEN, Opcode.OPENDIR]);

const WANTED_FLAGS =
  InitFlag.ATOMIC_O_TRUNC |
  InitFlag.BIG_WRITES |
  InitFlag.AUTO_INVAL_DATA |
  InitFlag.DO_READDIRPLUS |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.NO_OPENDIR_SUPPORT;

/** Whether the kernel waits for no reply. */
function isUnanswered(opcode: number): boolean {
  return opcode === Opcode.FORGET || opcode === Opcode.BATCH_FORGET || opcode === Opcode.INTERRUPT;
}

export class Session {
  readonly request = new Message(REQUEST_SIZE);
  readonly reply = new Message(REPLY_SIZE);
  readonly #tree: Tree;
  readonly #inodes: Inodes;
  readonly #files = new OpenTable();
  readonly #log: (message: string) => void;
  readonly #now: () => number;
  readonly #validity: number;
  readonly #notifications: Notifications;
  /** The flags that INIT agreed on. */
  #flags = 0;
  /** Of the request in hand. */
  #told = NOTHING;

  /** Ends the watching of the tree. The mount has gone. */
  readonly close: () => void;

  constructor(tree: Tree, options: SessionOptions) {
    this.#tree = tree;
    this.#inodes = new Inodes(tree.root);
    this.#log = safeLog(options.log);
    this.#now = options.now ?? Date.now;
    this.#validity = options.validity ?? VALIDITY;
    this.#notifications = new Notifications(this.#inodes);
    this.close = tree.onChange((node, change) => {
      this.#changed(node, change);
      if (this.hasNews) options.onNews?.();
    });
  }

  /** How many nodes the kernel knows. */
  get nodes(): number {
    return this.#inodes.size;
  }

  /** Whether there is something to `notify`. */
  get hasNews(): boolean {
    return this.#notifications.areWaiting;
  }

  /**
   * Tells the kernel of changes that it does not know of. Never waits for anything; best after the reply. What the
   * kernel is not ready for stays, for another call: then there still is news.
   */
  notify(send: Send): void {
    this.#notifications.send(send);
  }

  /**
   * Answers the request in the first `length` bytes of `request`.
   *
   * @returns how many bytes of `reply` to write; 0: none
   */
  handle(length: number): number {
    const { request, reply } = this;
    request.end = length;
    reply.end = outHeader.size;
    // Nobody can be answered whose header is not there.
    if (!request.holds(inHeader, 0)) return 0;
    const { fields } = inHeader;
    const opcode = request.get(fields.opcode);
    let outcome: Outcome;
    try {
      const whole = request.get(fields.len) === length;
      outcome = whole ? this.#dispatch(opcode, request.get(fields.nodeid)) : -errno.EIO;
    } catch (error) {
      this.#log(`${opcodeName(opcode)}: ${describe(error)}`);
      outcome = -errno.EIO;
    }
    this.#told = NOTHING;
    if (debug.enabled) debug('%s of node %d: %d', opcodeName(opcode), request.get(fields.nodeid), outcome);
    if (isUnanswered(opcode)) return 0;
    if (outcome < 0) reply.end = outHeader.size;
    reply.set(outHeader.fields.len, 0, reply.end);
    reply.set(outHeader.fields.error, 0, outcome);
    reply.copy(outHeader.fields.unique, request, fields.unique);
    return reply.end;
  }

  #dispatch(opcode: number, nodeid: number): Outcome {
    const handle = Session.#handlers.get(opcode);
    if (handle) return handle(this, nodeid);
    const ask = Session.#nodeHandlers.get(opcode);
    if (!ask) return -errno.ENOSYS;
    const node = this.#inodes.get(nodeid);
    if (node === undefined) return -errno.ENOENT;
    // It is gone; if it came again, it came as another node.
    if (this.#tree.ino(node) !== nodeid) {
      return this.#inodes.isStale(nodeid) && RETRIED.has(opcode) ? -errno.ESTALE : -errno.ENOENT;
    }
    return ask(this, node, nodeid);
  }

  /** What is asked of the connection, or of an open file, whose node may have gone. */
  static readonly #handlers: ReadonlyMap<number, (session: Session, nodeid: number) => Outcome> = new Map<
    number,
    (session: Session, nodeid: number) => Outcome
  >([
    [Opcode.INIT, (session) => session.#init()],
    [Opcode.DESTROY, () => 0],
    [Opcode.FORGET, (session, nodeid) => session.#forget(nodeid)],
    [Opcode.BATCH_FORGET, (session) => session.#batchForget()],
    // Every request is answered before the next is read: there is none to interrupt.
    [Opcode.INTERRUPT, () => 0],
    [Opcode.STATFS, (session) => session.#statfs()],
    [Opcode.READ, (session) => session.#read()],
    [Opcode.WRITE, (session) => session.#write()],
    [Opcode.RELEASE, (session) => session.#release()],
    [Opcode.RELEASEDIR, () => 0],
    [Opcode.FSYNC, () => -errno.EINVAL],
    [Opcode.FSYNCDIR, () => -errno.EINVAL],
  ]);

  /** What is asked of a node. */
  static readonly #nodeHandlers: ReadonlyMap<number, NodeHandler> = new Map<number, NodeHandler>([
    [
      Opcode.LOOKUP,
      (session, node) =>
        session.#named(undefined, (name) => session.#entry(session.#tree.lookup(node, name))),
    ],
    [Opcode.GETATTR, (session, node) => session.#attributes(node)],
    [Opcode.SETATTR, (session, node, nodeid) => session.#setattr(node, nodeid)],
    [Opcode.OPEN, (session, node) => session.#open(node)],
    [Opcode.OPENDIR, (session, node) => session.#opendir(node)],
    [Opcode.READDIR, (session, node) => session.#readdir(node, false)],
    [Opcode.READDIRPLUS, (session, node) => session.#readdir(node, true)],
    [Opcode.MKDIR, (session, node, nodeid) => session.#mkdir(node, nodeid)],
    [Opcode.RMDIR, (session, node, nodeid) => session.#rmdir(node, nodeid)],
    [Opcode.CREATE, (session, node) => session.#named(createIn, (name) => session.#tree.create(node, name))],
    [Opcode.MKNOD, (session, node) => session.#mknod(node)],
    [
      Opcode.SYMLINK,
      (session, node) => session.#named(undefined, (name) => session.#tree.symlink(node, name)),
    ],
    [Opcode.LINK, (session, node) => session.#link(node)],
    [Opcode.UNLINK, (session, node) => session.#named(undefined, (name) => session.#tree.unlink(node, name))],
    [Opcode.RENAME, () => -errno.EPERM],
    [Opcode.RENAME2, () => -errno.EPERM],
    [Opcode.LISTXATTR, (session) => session.#listxattr()],
    // SETXATTR, GETXATTR and REMOVEXATTR answered with EOPNOTSUPP would be asked for each time; the kernel says it
    // for ENOSYS. So with the others that are not here: ACCESS is granted by the modes, FLUSH does nothing, LSEEK is
    // the kernel's own, POLL is always ready, FALLOCATE is EOPNOTSUPP, IOCTL is ENOTTY.
  ]);

  /** A change of the tree: what the kernel does not know by itself, it is to be told. */
  #changed(node: Node, change: Change): void {
    const ino = this.#tree.ino(node);
    if (this.#told[change] === ino) return;
    if (change === 'removed') this.#removed(node);
    else this.#notifications.add(ino);
  }

  /** A node goes, and all that is in it. */
  #removed(node: Node): void {
    const ino = this.#tree.ino(node);
    this.#inodes.markStale(ino);
    this.#notifications.add(ino);
    if (!(node instanceof Item)) return;
    for (const entry of this.#tree.readdir(node) as Entry[]) this.#removed(entry.node);
  }

  #init(): Outcome {
    const { request, reply } = this;
    const at = inHeader.size;
    if (!request.holds(initIn, at)) return -errno.EIO;
    const { fields } = initIn;
    const major = request.get(fields.major, at);
    const minor = request.get(fields.minor, at);
    if (major < MAJOR || (major === MAJOR && minor < FIRST_MINOR)) return -errno.EIO;
    const out = reply.append(initOut);
    const set = initOut.fields;
    reply.set(set.major, out, MAJOR);
    // A kernel of a later major version speaks ours when it sees this, and asks again.
    if (major > MAJOR) return 0;
    const spoken = Math.min(minor, MINOR);
    this.#flags = (request.get(fields.flags, at) & WANTED_FLAGS) >>> 0;
    reply.set(set.minor, out, spoken);
    reply.set(set.maxReadahead, out, request.get(fields.maxReadahead, at));
    reply.set(set.flags, out, this.#flags);
    reply.set(set.maxBackground, out, 64);
    reply.set(set.congestionThreshold, out, 48);
    reply.set(set.maxWrite, out, MAX_WRITE);
    reply.set(set.timeGran, out, 1_000_000);
    if (spoken < 23) reply.end = out + SHORT_INIT_OUT;
    return 0;
  }

  #forget(nodeid: number): Outcome {
    const { request } = this;
    if (request.holds(forgetIn, inHeader.size)) {
      this.#inodes.forget(nodeid, request.get(forgetIn.fields.nlookup, inHeader.size));
    }
    return 0;
  }

  #batchForget(): Outcome {
    const { request } = this;
    if (!request.holds(batchForgetIn, inHeader.size)) return 0;
    const count = request.get(batchForgetIn.fields.count, inHeader.size);
    let at = inHeader.size + batchForgetIn.size;
    for (let i = 0; i < count && request.holds(forgetOne, at); i += 1, at += forgetOne.size) {
      const { nodeid, nlookup } = forgetOne.fields;
      this.#inodes.forget(request.get(nodeid, at), request.get(nlookup, at));
    }
    return 0;
  }

  #statfs(): Outcome {
    const { reply } = this;
    const at = reply.append(statfsOut);
    reply.set(statfsOut.fields.bsize, at, statfs.bsize);
    reply.set(statfsOut.fields.frsize, at, statfs.bsize);
    reply.set(statfsOut.fields.namelen, at, statfs.namelen);
    return 0;
  }

  /** Runs `call` with the name that follows a structure, and where the structure is. */
  #named(before: Layout | undefined, call: (name: string, at: number) => Outcome): Outcome {
    const { request } = this;
    const start = inHeader.size + (before?.size ?? 0);
    const nul = request.bytes.indexOf(0, start);
    // No name is empty.
    if (nul <= start || nul >= request.end) return -errno.EIO;
    return call(request.bytes.toString('utf8', start, nul), inHeader.size);
  }

  /** Answers with a node, which the kernel knows from then on. */
  #entry(node: Node | Errno): Outcome {
    if (isErrno(node)) return node;
    return this.#appendEntry(node) ? 0 : -errno.ENOENT;
  }

  #appendEntry(node: Node): boolean {
    const stat = this.#tree.getattr(node);
    if (isErrno(stat)) return false;
    const { reply } = this;
    const { fields } = entryOut;
    const at = reply.append(entryOut);
    reply.set(fields.nodeid, at, stat.ino);
    this.#setTime(fields.entryValid, fields.entryValidNsec, at, this.#validity * 1000);
    this.#setTime(fields.attrValid, fields.attrValidNsec, at, this.#validity * 1000);
    this.#setStat(fields, at, stat);
    this.#inodes.give(stat.ino, node);
    return true;
  }

  #attributes(node: Node): Outcome {
    const stat = this.#tree.getattr(node);
    if (isErrno(stat)) return stat;
    const at = this.reply.append(attrOut);
    this.#setTime(attrOut.fields.attrValid, attrOut.fields.attrValidNsec, at, this.#validity * 1000);
    this.#setStat(attrOut.fields, at, stat);
    return 0;
  }

  #setStat(fields: typeof attrOut.fields | typeof entryOut.fields, at: number, stat: Stat): void {
    const { reply } = this;
    reply.set(fields.ino, at, stat.ino);
    reply.set(fields.size, at, stat.size);
    reply.set(fields.mode, at, stat.mode);
    reply.set(fields.nlink, at, stat.nlink);
    reply.set(fields.uid, at, stat.uid);
    reply.set(fields.gid, at, stat.gid);
    reply.set(fields.blksize, at, statfs.bsize);
    this.#setTime(fields.atime, fields.atimensec, at, stat.atime);
    this.#setTime(fields.mtime, fields.mtimensec, at, stat.mtime);
    this.#setTime(fields.ctime, fields.ctimensec, at, stat.ctime);
  }

  /** Sets a time of seconds and nanoseconds. */
  #setTime(seconds: Field, nanoseconds: Field, at: number, milliseconds: number): void {
    const whole = Math.floor(milliseconds / 1000);
    this.reply.set(seconds, at, whole);
    this.reply.set(nanoseconds, at, Math.round((milliseconds - whole * 1000) * 1e6));
  }

  #mkdir(node: Node, nodeid: number): Outcome {
    this.#told = { entries: nodeid };
    return this.#named(mkdirIn, (name) => this.#entry(this.#tree.mkdir(node, name)));
  }

  #rmdir(node: Node, nodeid: number): Outcome {
    return this.#named(undefined, (name) => {
      const item = this.#tree.lookup(node, name);
      if (isErrno(item)) return item;
      this.#told = { entries: nodeid, removed: this.#tree.ino(item) };
      return this.#tree.rmdir(node, name);
    });
  }

  #mknod(node: Node): Outcome {
    return this.#named(mknodIn, (name, at) =>
      this.#tree.mknod(node, name, this.request.get(mknodIn.fields.mode, at)),
    );
  }

  #link(node: Node): Outcome {
    return this.#named(linkIn, (name, at) => {
      const target = this.#inodes.get(this.request.get(linkIn.fields.oldNodeid, at));
      return this.#tree.link(target ?? -errno.ENOENT, node, name);
    });
  }

  #setattr(node: Node, nodeid: number): Outcome {
    const { request } = this;
    const at = inHeader.size;
    if (!request.holds(setattrIn, at)) return -errno.EIO;
    this.#told = { attributes: nodeid };
    const { fields } = setattrIn;
    const tree = this.#tree;
    const valid = request.get(fields.valid, at);
    const meant = (bit: number) => (valid & bit) !== 0;
    const results: number[] = [];
    if (meant(SetattrValid.SIZE)) results.push(tree.truncate(node));
    if (meant(SetattrValid.MODE)) results.push(tree.chmod(node, request.get(fields.mode, at)));
    if (meant(SetattrValid.UID | SetattrValid.GID)) {
      const uid = meant(SetattrValid.UID) ? request.get(fields.uid, at) : UNCHANGED;
      const gid = meant(SetattrValid.GID) ? request.get(fields.gid, at) : UNCHANGED;
      results.push(tree.chown(node, uid, gid));
    }
    if (meant(SetattrValid.ATIME | SetattrValid.MTIME)) {
      const stat = tree.getattr(node);
      if (isErrno(stat)) return stat;
      const time = (bit: number, now: number, seconds: number, nsec: number, old: number) =>
        meant(now) ? this.#now() : meant(bit) ? seconds * 1000 + nsec / 1e6 : old;
      const { ATIME, ATIME_NOW, MTIME, MTIME_NOW } = SetattrValid;
      const { atime, atimensec, mtime, mtimensec } = fields;
      results.push(
        tree.utimes(
          node,
          time(ATIME, ATIME_NOW, request.getSigned(atime, at), request.get(atimensec, at), stat.atime),
          time(MTIME, MTIME_NOW, request.getSigned(mtime, at), request.get(mtimensec, at), stat.mtime),
        ),
      );
    }
    const refused = results.find((result) => result < 0);
    return refused ?? this.#attributes(node);
  }

  #open(node: Node): Outcome {
    const { request, reply } = this;
    if (!request.holds(openIn, inHeader.size)) return -errno.EIO;
    const file = this.#tree.open(node, request.get(openIn.fields.flags, inHeader.size), this.#caller());
    if (isErrno(file)) return file;
    const at = reply.append(openOut);
    reply.set(openOut.fields.fh, at, this.#files.enter(file));
    // What is read is what is held now: never from a cache. And there is nothing to flush.
    reply.set(openOut.fields.openFlags, at, OpenFlag.DIRECT_IO | OpenFlag.NOFLUSH);
    return 0;
  }

  /**
   * A kernel that can do without is told so with ENOSYS, once and for all, and keeps listings then. One that cannot,
   * before 7.29, is told with each answer that it may keep them.
   */
  #opendir(node: Node): Outcome {
    if (this.#flags & InitFlag.NO_OPENDIR_SUPPORT) return -errno.ENOSYS;
    if (!(node instanceof Item)) return -errno.ENOTDIR;
    const { reply } = this;
    const at = reply.append(openOut);
    reply.set(openOut.fields.openFlags, at, OpenFlag.KEEP_CACHE | OpenFlag.CACHE_DIR);
    return 0;
  }

  #read(): Outcome {
    const { request, reply } = this;
    const at = inHeader.size;
    if (!request.holds(readIn, at)) return -errno.EIO;
    const file = this.#files.get(request.get(readIn.fields.fh, at));
    if (!file) return -errno.EBADF;
    const size = Math.min(request.get(readIn.fields.size, at), REPLY_SIZE - reply.end);
    const room = reply.bytes.subarray(reply.end, reply.end + size);
    const count = file.read(room, request.get(readIn.fields.offset, at));
    if (count < 0) return count;
    reply.end += count;
    return 0;
  }

  #write(): Outcome {
    const { request, reply } = this;
    const at = inHeader.size;
    if (!request.holds(writeIn, at)) return -errno.EIO;
    const start = at + writeIn.size;
    const size = request.get(writeIn.fields.size, at);
    if (start + size > request.end) return -errno.EIO;
    const file = this.#files.get(request.get(writeIn.fields.fh, at));
    if (!file) return -errno.EBADF;
    const count = file.write(request.bytes.subarray(start, start + size), this.#caller());
    if (count < 0) return count;
    const out = reply.append(writeOut);
    reply.set(writeOut.fields.size, out, count);
    return 0;
  }

  /** Who has made the request that was read last; 0 where the kernel does not tell, of a RELEASE. */
  get pid(): number {
    return this.request.get(inHeader.fields.pid);
  }

  /** Who asks: the thread that made the call. */
  #caller(): Caller {
    const { request } = this;
    const { uid, gid, pid } = inHeader.fields;
    return { uid: request.get(uid), gid: request.get(gid), pid: request.get(pid) };
  }

  #release(): Outcome {
    const { request } = this;
    if (!request.holds(releaseIn, inHeader.size)) return -errno.EIO;
    return this.#files.leave(request.get(releaseIn.fields.fh, inHeader.size)) ? 0 : -errno.EBADF;
  }

  #listxattr(): Outcome {
    const { request, reply } = this;
    if (!request.holds(getxattrIn, inHeader.size)) return -errno.EIO;
    // Asked for the size, the answer is a size; asked for the names, none.
    if (request.get(getxattrIn.fields.size, inHeader.size) === 0) reply.append(getxattrOut);
    return 0;
  }

  /**
   * A directory's entries from an offset on, as many as fit. An entry's offset is its inode number and one more,
   * which stays with it, whatever comes and goes meanwhile; `.` has 1 and `..` has 2, less than any other.
   */
  #readdir(node: Node, plus: boolean): Outcome {
    const { request, reply } = this;
    const at = inHeader.size;
    if (!request.holds(readIn, at)) return -errno.EIO;
    const offset = request.get(readIn.fields.offset, at);
    const end = Math.min(reply.end + request.get(readIn.fields.size, at), REPLY_SIZE);
    const entries = this.#tree.readdir(node);
    if (isErrno(entries)) return entries;
    if (offset < 1 && !this.#appendDirent('.', node, 1, plus, end)) return 0;
    if (offset < 2 && !this.#appendDirent('..', this.#tree.parent(node), 2, plus, end)) return 0;
    // In the order of their numbers: a directory's own attributes have been there longest.
    const attributes = entries.filter((entry) => !(entry.node instanceof Item));
    const directories = entries.filter((entry) => entry.node instanceof Item);
    for (const entry of [...attributes, ...directories]) {
      const own = this.#tree.ino(entry.node) + FIRST_OFFSET;
      if (own > offset && !this.#appendDirent(entry.name, entry.node, own, plus, end)) return 0;
    }
    return 0;
  }

  /** @returns whether it had room */
  #appendDirent(name: string, node: Node, offset: number, plus: boolean, end: number): boolean {
    const { reply } = this;
    const length = Buffer.byteLength(name);
    const start = reply.end;
    const size = (plus ? entryOut.size : 0) + dirent.size + length;
    const padded = Math.ceil(size / 8) * 8;
    if (start + padded > end) return false;
    const stat = this.#tree.getattr(node);
    if (isErrno(stat)) return true;
    if (plus) {
      // The kernel looks `.` and `..` up no further: nodeid 0 says that it was not given one.
      if (offset > FIRST_OFFSET) this.#appendEntry(node);
      else this.#setStat(entryOut.fields, reply.append(entryOut), stat);
    }
    const at = reply.append(dirent);
    const { fields } = dirent;
    reply.set(fields.ino, at, stat.ino);
    reply.set(fields.off, at, offset);
    reply.set(fields.namelen, at, length);
    reply.set(fields.type, at, stat.mode >>> 12);
    reply.bytes.write(name, reply.end);
    reply.bytes.fill(0, reply.end + length, start + padded);
    reply.end = start + padded;
    return true;
  }
}

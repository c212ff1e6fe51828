/**
 * One mount's conversation with the kernel: a request in, a reply out, over a tree. No I/O: whoever has the
 * descriptor reads into `request`, calls `handle`, and writes what `reply` holds.
 *
 * One table says what each opcode asks for; what is not in it is answered with ENOSYS, which the kernel remembers
 * and does not ask again. A request that is not all there is answered with EIO.
 */
import createDebug from 'debug';
import { Item } from '../../configfs/item.js';
import { statfs, type Node, type Stat, type Tree } from '../../configfs/tree.js';
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

export interface SessionOptions {
  /** Seconds for which the kernel may use what it was told of names and modes. */
  readonly validity: number;
  /** Takes one line about a handler that threw. */
  readonly log: (message: string) => void;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/** What a handler gives: 0, and the reply ends where its message does; or an errno. */
type Outcome = 0 | Errno;

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

  constructor(tree: Tree, options: SessionOptions) {
    this.#tree = tree;
    this.#inodes = new Inodes(tree.root);
    this.#log = safeLog(options.log);
    this.#now = options.now ?? Date.now;
    this.#validity = options.validity;
  }

  /** How many nodes the kernel knows. */
  get nodes(): number {
    return this.#inodes.size;
  }

  /**
   * Answers the request in the first `length` bytes of `request`.
   *
   * @returns how many bytes of `reply` to write; 0: none
   */
  handle(length: number): number {
    const { request, reply } = this;
    request.end = length;
    reply.end = 0;
    reply.append(outHeader);
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
    debug('%s of node %d: %d', opcodeName(opcode), request.get(fields.nodeid), outcome);
    if (isUnanswered(opcode)) return 0;
    if (outcome < 0) reply.end = outHeader.size;
    reply.set(outHeader.fields.len, 0, reply.end);
    reply.set(outHeader.fields.error, 0, outcome);
    request.bytes.copy(
      reply.bytes,
      outHeader.fields.unique.offset,
      fields.unique.offset,
      fields.unique.offset + 8,
    );
    return reply.end;
  }

  #dispatch(opcode: number, nodeid: number): Outcome {
    switch (opcode) {
      case Opcode.INIT:
        return this.#init();
      case Opcode.DESTROY:
        return 0;
      case Opcode.FORGET:
        return this.#forget(nodeid);
      case Opcode.BATCH_FORGET:
        return this.#batchForget();
      case Opcode.INTERRUPT:
        // Every request is answered before the next is read: there is none to interrupt.
        return 0;
      case Opcode.STATFS:
        return this.#statfs();
    }
    const node = this.#inodes.get(nodeid);
    return node === undefined ? -errno.ENOENT : this.#ask(opcode, node);
  }

  /** What is asked of a node. */
  #ask(opcode: number, node: Node): Outcome {
    const tree = this.#tree;
    switch (opcode) {
      case Opcode.LOOKUP:
        return this.#named(undefined, (name) => this.#entry(tree.lookup(node, name)));
      case Opcode.GETATTR:
        return this.#attributes(node);
      case Opcode.SETATTR:
        return this.#setattr(node);
      case Opcode.OPEN:
        return this.#open(node);
      case Opcode.READ:
        return this.#read();
      case Opcode.WRITE:
        return this.#write();
      case Opcode.RELEASE:
        return this.#release();
      case Opcode.READDIR:
        return this.#readdir(node, false);
      case Opcode.READDIRPLUS:
        return this.#readdir(node, true);
      case Opcode.MKDIR:
        return this.#named(mkdirIn, (name) => this.#entry(tree.mkdir(node, name)));
      case Opcode.RMDIR:
        return this.#named(undefined, (name) => tree.rmdir(node, name));
      case Opcode.MKNOD:
        return this.#named(mknodIn, (name, at) =>
          tree.mknod(node, name, this.request.get(mknodIn.fields.mode, at)),
        );
      case Opcode.CREATE:
        return this.#named(createIn, (name) => tree.create(node, name));
      case Opcode.SYMLINK:
        return this.#named(undefined, (name) => tree.symlink(node, name));
      case Opcode.LINK:
        return this.#named(linkIn, (name, at) =>
          tree.link(
            this.#inodes.get(this.request.get(linkIn.fields.oldNodeid, at)) ?? -errno.ENOENT,
            node,
            name,
          ),
        );
      case Opcode.UNLINK:
        return this.#named(undefined, (name) => tree.unlink(node, name));
      case Opcode.RENAME:
      case Opcode.RENAME2:
        return -errno.EPERM;
      case Opcode.FSYNC:
      case Opcode.FSYNCDIR:
        return -errno.EINVAL;
      case Opcode.LISTXATTR:
        return this.#listxattr();
      // setxattr and getxattr answered with EOPNOTSUPP would be asked for each time; the kernel says it for ENOSYS.
      default:
        return -errno.ENOSYS;
    }
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
    const wanted =
      InitFlag.ATOMIC_O_TRUNC |
      InitFlag.BIG_WRITES |
      InitFlag.DO_READDIRPLUS |
      InitFlag.PARALLEL_DIROPS |
      InitFlag.NO_OPENDIR_SUPPORT;
    reply.set(set.minor, out, spoken);
    reply.set(set.maxReadahead, out, request.get(fields.maxReadahead, at));
    reply.set(set.flags, out, (request.get(fields.flags, at) & wanted) >>> 0);
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

  #setattr(node: Node): Outcome {
    const { request } = this;
    const at = inHeader.size;
    if (!request.holds(setattrIn, at)) return -errno.EIO;
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
    const file = this.#tree.open(node, request.get(openIn.fields.flags, inHeader.size));
    if (isErrno(file)) return file;
    const at = reply.append(openOut);
    reply.set(openOut.fields.fh, at, this.#files.enter(file));
    // What is read is what is held now: never from a cache. And there is nothing to flush.
    reply.set(openOut.fields.openFlags, at, OpenFlag.DIRECT_IO | OpenFlag.NOFLUSH);
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

/**
 * What the kernel is to be told without having asked: that the attributes of a node are not what it was given.
 *
 * Why this one notification, FUSE_NOTIFY_INVAL_INODE of attributes alone, and none for names. A server that writes a
 * notification waits for the locks that the kernel takes for it. Those that name an entry (INVAL_ENTRY, DELETE, and
 * with FUSE_EXPIRE_ONLY too) take the inode lock of the parent directory, which a client's mkdir, rmdir, lookup or
 * readdir holds while its request waits for this very server: written by the thread that answers, they hang it and
 * all its clients. INVAL_INODE with a range of data takes the locks of the pages in it, and a client may hold one
 * while it faults in a page of ours. INVAL_INODE with a negative offset touches no page: it takes the mount's killsb
 * (shared; held exclusively only while a super block is taken off a list), the inode hash's lock and the inode's
 * spinlock, and none of them is ever held across a request. So it can be written at any time, by any thread, and
 * there is nothing to wait for. Source: Linux fs/fuse/inode.c fuse_reverse_inval_inode, dir.c fuse_reverse_inval_entry.
 *
 * What makes it enough:
 * - Names that come: an absent name is never cached, and so is always asked for.
 * - Listings: the kernel compares the modification time of a directory with that of the listing that it keeps
 *   (FUSE_AUTO_INVAL_DATA), and every change of the entries gives the directory another one.
 * - Names that go: the kernel goes on to the removed node, has no attributes for it any more, and asks; it is
 *   answered with ESTALE, upon which it looks every name of the path up again (LOOKUP_REVAL), and finds what is there
 *   now. An exclusive create asks anew by itself (LOOKUP_EXCL).
 *
 * A reply that the kernel has not looked at yet is no danger: attributes that were asked for before a notification
 * are dropped when they come after it (attr_version). Only a node that a reply has given out and that the kernel has
 * not made yet is unknown to it: ENOENT, and then it is told again later, until it knows the node or has forgotten it.
 */
import { errno, type Errno } from '../../errors.js';
import type { Inodes } from './inodes.js';
import { invalInodeOut, outHeader } from './layout.js';
import { Message } from './message.js';
import { Notify } from './opcode.js';

/** Attributes alone. */
const NO_DATA = -1;

/** Writes a message to the kernel. @returns a negative errno if it is refused */
export type Send = (bytes: Uint8Array, size: number) => number | Errno;

export class Notifications {
  readonly #inodes: Inodes;
  readonly #waiting = new Set<number>();
  readonly #message = new Message(outHeader.size + invalInodeOut.size);

  constructor(inodes: Inodes) {
    this.#inodes = inodes;
  }

  /** Whether there is something to tell. */
  get areWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** The attributes of a node have changed, and this kernel has not been told. */
  add(id: number): void {
    if (this.#inodes.has(id)) this.#waiting.add(id);
  }

  /** Tells the kernel what there is to tell. What it does not know yet stays. */
  send(send: Send): void {
    for (const id of this.#waiting) {
      if (!this.#inodes.has(id) || send(this.#message.bytes, this.#invalInode(id)) !== -errno.ENOENT)
        this.#waiting.delete(id);
    }
  }

  #invalInode(id: number): number {
    const message = this.#message;
    message.end = 0;
    const header = message.append(outHeader);
    const at = message.append(invalInodeOut);
    message.set(outHeader.fields.len, header, message.end);
    message.set(outHeader.fields.error, header, Notify.INVAL_INODE);
    message.set(invalInodeOut.fields.ino, at, id);
    message.set(invalInodeOut.fields.off, at, NO_DATA);
    return message.end;
  }
}

/**
 * The layouts of the FUSE protocol, as tables of fields. Source: Linux include/uapi/linux/fuse.h.
 *
 * Every field is a number in the machine's byte order, which is little-endian wherever Node runs with FUSE, and
 * unsigned but for times. A field of 8 bytes is handled as a number: what is put into one here is a safe integer, and what the
 * kernel puts there beyond that (a lock's owner) is not looked at.
 */

type Width = 2 | 4 | 8;

export interface Field {
  readonly offset: number;
  readonly width: Width;
}

export interface Layout<F extends string = string> {
  /** Bytes. */
  readonly size: number;
  readonly fields: Readonly<Record<F, Field>>;
}

function layout<const F extends string>(widths: Readonly<Record<F, Width>>): Layout<F> {
  const fields = {} as Record<F, Field>;
  let size = 0;
  for (const name of Object.keys(widths) as F[]) {
    const width = widths[name];
    fields[name] = { offset: size, width };
    size += width;
  }
  return { size, fields };
}

export const inHeader = layout({
  len: 4,
  opcode: 4,
  unique: 8,
  nodeid: 8,
  uid: 4,
  gid: 4,
  pid: 4,
  extlen: 2,
  padding: 2,
});

/** `error` is a negative errno. */
export const outHeader = layout({ len: 4, error: 4, unique: 8 });

export const initIn = layout({ major: 4, minor: 4, maxReadahead: 4, flags: 4 });

export const initOut = layout({
  major: 4,
  minor: 4,
  maxReadahead: 4,
  flags: 4,
  maxBackground: 2,
  congestionThreshold: 2,
  maxWrite: 4,
  timeGran: 4,
  maxPages: 2,
  mapAlignment: 2,
  flags2: 4,
  unused1: 4,
  unused2: 8,
  unused3: 8,
  unused4: 8,
});

const attrFields = {
  ino: 8,
  size: 8,
  blocks: 8,
  atime: 8,
  mtime: 8,
  ctime: 8,
  atimensec: 4,
  mtimensec: 4,
  ctimensec: 4,
  mode: 4,
  nlink: 4,
  uid: 4,
  gid: 4,
  rdev: 4,
  blksize: 4,
  flags: 4,
} as const;

export const attrOut = layout({ attrValid: 8, attrValidNsec: 4, dummy: 4, ...attrFields });

export const entryOut = layout({
  nodeid: 8,
  generation: 8,
  entryValid: 8,
  attrValid: 8,
  entryValidNsec: 4,
  attrValidNsec: 4,
  ...attrFields,
});

export const setattrIn = layout({
  valid: 4,
  padding: 4,
  fh: 8,
  size: 8,
  lockOwner: 8,
  atime: 8,
  mtime: 8,
  ctime: 8,
  atimensec: 4,
  mtimensec: 4,
  ctimensec: 4,
  mode: 4,
  unused4: 4,
  uid: 4,
  gid: 4,
  unused5: 4,
});

export const openIn = layout({ flags: 4, openFlags: 4 });
export const openOut = layout({ fh: 8, openFlags: 4, padding: 4 });
export const readIn = layout({
  fh: 8,
  offset: 8,
  size: 4,
  readFlags: 4,
  lockOwner: 8,
  flags: 4,
  padding: 4,
});
export const writeIn = layout({
  fh: 8,
  offset: 8,
  size: 4,
  writeFlags: 4,
  lockOwner: 8,
  flags: 4,
  padding: 4,
});
export const writeOut = layout({ size: 4, padding: 4 });
export const releaseIn = layout({ fh: 8, flags: 4, releaseFlags: 4, lockOwner: 8 });
export const mkdirIn = layout({ mode: 4, umask: 4 });
export const mknodIn = layout({ mode: 4, rdev: 4, umask: 4, padding: 4 });
export const createIn = layout({ flags: 4, mode: 4, umask: 4, openFlags: 4 });
export const linkIn = layout({ oldNodeid: 8 });
export const forgetIn = layout({ nlookup: 8 });
export const batchForgetIn = layout({ count: 4, dummy: 4 });
export const forgetOne = layout({ nodeid: 8, nlookup: 8 });
export const getxattrIn = layout({ size: 4, padding: 4 });
export const getxattrOut = layout({ size: 4, padding: 4 });

export const statfsOut = layout({
  blocks: 8,
  bfree: 8,
  bavail: 8,
  files: 8,
  ffree: 8,
  bsize: 4,
  namelen: 4,
  frsize: 4,
  padding: 4,
  spare1: 8,
  spare2: 8,
  spare3: 8,
});

/** Followed by the name, and padding to 8 bytes. */
export const dirent = layout({ ino: 8, off: 8, namelen: 4, type: 4 });

/** A notification: sent with `unique` 0 and its code in place of the error. */
export const invalInodeOut = layout({ ino: 8, off: 8, len: 8 });

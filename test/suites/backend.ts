/**
 * What a suite needs of a file system, whoever serves it: the tree in process, a mount over any transport, a shell.
 *
 * An operation gives a value, or throws an error whose `code` is the name of an errno. One that a backend does
 * not have throws `Cannot`, and the behaviour that needs it is skipped there with its reason. Where a backend
 * answers otherwise than configfs does, its `answers` say so, and the suite holds it to that.
 *
 * Paths start with a slash at the subsystem.
 */
import type { Test } from 'tap';

/** An operation that a backend does not have. */
export class Cannot extends Error {
  override readonly name = 'Cannot';
}

export interface FileStat {
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Milliseconds since 1970, as the next. */
  readonly atime: number;
  readonly mtime: number;
}

export interface FilesystemStat {
  readonly bsize: number;
  readonly namelen: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** An open file with a position of its own. */
export interface OpenFile {
  /** At most `length` bytes from `position` on, or from the file's own position, which moves then. */
  read(length: number, position?: number): Promise<string>;
  /** One write(2). @returns the count written */
  write(bytes: string | Buffer, position?: number): Promise<number>;
  /** lseek(2) from the start. */
  seek(position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  datasync(): Promise<void>;
  /** Takes an exclusive lock and gives it back. */
  flock(): Promise<void>;
  /** Maps one page. @returns it up to the first NUL */
  mmap(kind: 'shared' | 'private'): Promise<string>;
  close(): Promise<void>;
}

/** A directory that is held open, whatever becomes of its name. */
export interface OpenDirectory {
  /** Opens a file and closes it. */
  open(name: string, flags: number): Promise<void>;
  mkdir(name: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What a backend answers where not all of them can answer as configfs does. `''` is success. */
export interface Answers {
  /** To rmdir of the subsystem. */
  readonly rmdirOfSubsystem: string;
  /** To a read from a descriptor whose item was removed after the first read. */
  readonly readOfRemoved: string;
  /** To a private mmap. */
  readonly privateMmap: string;
  /** To a write of no bytes: the answer of the store of an empty buffer. */
  readonly emptyWrite: string;
  /** To mkdir of a name of 86 to 255 bytes that are not UTF-8; undefined: the subsystem decides. */
  readonly longInvalidName: string | undefined;
  /** Whether utimes takes a modification time that is not the access time. */
  readonly hasOwnMtime: boolean;
  /** Whether a store is told who writes: then 0 is a pid, the writer's own. */
  readonly knowsCaller: boolean;
}

export const asConfigfs: Answers = {
  rmdirOfSubsystem: 'EPERM',
  readOfRemoved: '',
  privateMmap: 'ENODEV',
  emptyWrite: 'EINVAL',
  longInvalidName: undefined,
  hasOwnMtime: true,
  knowsCaller: false,
};

export interface Backend {
  readonly answers: Answers;

  /** The names in a directory, sorted. */
  readdir(path: string): Promise<string[]>;
  /** What cat prints. */
  readFile(path: string): Promise<string>;
  /** What `printf > path` does: opens with O_CREAT and O_TRUNC, writes once, closes. */
  writeFile(path: string, bytes: string | Buffer): Promise<void>;
  mkdir(path: string | Buffer): Promise<void>;
  rmdir(path: string): Promise<void>;

  /** @param flags as open(2) */
  open(path: string, flags: number): Promise<OpenFile>;
  openDirectory(path: string): Promise<OpenDirectory>;
  stat(path: string): Promise<FileStat>;
  statfs(): Promise<FilesystemStat>;
  truncate(path: string, length: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** Milliseconds since 1970. */
  utimes(path: string, atime: number, mtime: number): Promise<void>;
  mknod(path: string, kind: 'fifo' | 'device' | 'regular'): Promise<void>;
  unlink(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  setxattr(path: string, name: string): Promise<void>;
  getxattr(path: string, name: string): Promise<string>;
  listxattr(path: string): Promise<string[]>;
}

/** One behaviour. `item` is a beancounter's directory made for it alone: `/1001`. */
export type Behaviour<B extends Backend = Backend> = (t: Test, fs: B, item: string) => Promise<void>;

/** Behaviours by title, each a statement. */
export type Suite<B extends Backend = Backend> = Readonly<Record<string, Behaviour<B>>>;

/** Where the items are that are made for behaviours: away from the ids that these make. */
const FIRST_ITEM = 1001;

/**
 * Runs each behaviour of a suite as a test.
 *
 * @param makeBackend gives the backend of one behaviour; the same one again if that is cheaper
 */
export async function runSuite<B extends Backend>(
  t: Test,
  suite: Suite<B>,
  makeBackend: () => B | Promise<B>,
): Promise<void> {
  let next = FIRST_ITEM;
  for (const [title, behaviour] of Object.entries(suite)) {
    const item = `/${next}`;
    next += 1;
    await t.test(title, async (t) => {
      const fs = await makeBackend();
      await makeDirectory(t, fs, item);
      try {
        await behaviour(t, fs, item);
      } catch (error) {
        if (!(error instanceof Cannot)) throw error;
        t.pass('not here', { skip: error.message });
      }
    });
  }
}

/** Makes a directory for the time of a test. */
export async function makeDirectory(t: Test, fs: Backend, path: string): Promise<void> {
  await fs.mkdir(path);
  // The test may have removed it.
  t.teardown(() => fs.rmdir(path).catch(() => undefined));
}

/** Opens a file for the time of a test. */
export async function opened(t: Test, fs: Backend, path: string, flags: number): Promise<OpenFile> {
  const file = await fs.open(path, flags);
  t.teardown(() => file.close());
  return file;
}

/** The code that an operation fails with; `''` if it succeeds. */
export async function codeOf(operation: Promise<unknown>): Promise<string> {
  try {
    await operation;
    return '';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    // Linux has one number for the two; Node and Python say the other.
    return code === 'ENOTSUP' ? 'EOPNOTSUPP' : code;
  }
}

/** The files of a directory and all below it with what they show; those that cannot be read, with the code. */
export async function snapshot(fs: Backend, path: string): Promise<Record<string, string>> {
  const shown: Record<string, string> = {};
  for (const name of await fs.readdir(path)) {
    const child = path === '/' ? `/${name}` : `${path}/${name}`;
    const text = fs.readFile(child);
    const code = await codeOf(text);
    if (code === 'EISDIR') Object.assign(shown, await snapshot(fs, child));
    else shown[child] = code === '' ? await text : code;
  }
  return shown;
}

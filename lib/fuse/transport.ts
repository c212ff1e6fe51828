/** What carries a tree to the kernel. One file each; nothing outside that file knows which one it is. */
import type { Tree } from '../configfs/tree.js';

/** What can carry a tree: fuse-native and its libfuse, or the kernel's protocol spoken over /dev/fuse. */
export const transportNames = ['fuse-native', 'dev-fuse'] as const;
export type TransportName = (typeof transportNames)[number];

/** What a person or a program may ask for: one of them, or the one that is best here. */
export const transportChoices = ['auto', ...transportNames] as const;
export type TransportChoice = (typeof transportChoices)[number];
export const DEFAULT_TRANSPORT: TransportChoice = 'auto';

/**
 * The transport that a choice stands for. `auto` is dev-fuse: there is no machine that has fuse-native only, for both
 * need the same /dev/fuse and the same calls to libc, and fuse-native its binding and its libfuse besides.
 */
export function chosenTransport(choice: TransportChoice): TransportName {
  return choice === 'auto' ? 'dev-fuse' : choice;
}

export interface CarryOptions {
  /** Read-only for everybody: EROFS. */
  readonly ro: boolean;
  /** Users other than the one who mounts may enter, as the modes allow. */
  readonly allowOther: boolean;
  /** Kernel mount flags to pass on: `noexec` and the like. */
  readonly flags: readonly string[];
  /**
   * For how many seconds the kernel may go on using what it was told of names and modes, values never. It knows of
   * what is done through the mount; what a program does to its tree itself is seen so much later.
   */
  readonly validity: number;
  /**
   * Whether the transport may treat the process as its own: tune its threads once and for all, and write to
   * descriptor 2, which the caller has diverted.
   */
  readonly ownsProcess: boolean;
  /** Takes one line about an operation that failed in a way that it should not. */
  readonly log: (message: string) => void;
}

/**
 * The way from the kernel to a server. It ends when the mount has gone and its last user with it; what is mounted there
 * afterwards is another's, even if it has the same number.
 */
export interface Connection {
  isConnected(): boolean;
  /** Resolves when it has ended, or within a second. Keeps the process alive until then. */
  readonly ended: Promise<void>;
}

/**
 * Mounts something on `mountpoint`, a real path that has been looked at, and serves it until it is unmounted.
 * Resolves when the kernel has the mount. When it rejects, nothing may be relied on but that the caller detaches
 * what is mounted there.
 */
export type Carry = (mountpoint: string, options: CarryOptions) => Promise<Connection>;

/** Mounts a tree, as `Carry` says, and serves it on the calling thread. */
export type Transport = (tree: Tree, ...carry: Parameters<Carry>) => ReturnType<Carry>;

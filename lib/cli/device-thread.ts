/**
 * The thread that a daemon's tree lives on with the transport dev-fuse: it makes the tree, and serves requests until
 * the mount has gone. The main thread keeps the signals.
 */
import { workerData } from 'node:worker_threads';
import { serveBlocking } from '../fuse/dev-fuse.js';
import { Session } from '../fuse/protocol/session.js';
import { hostTree } from './host-tree.js';
import { logTo } from './log.js';
import type { MountSettings } from './mount-options.js';

/** What the main thread gives it. */
export interface DeviceOrder {
  /** The descriptor of the mount. */
  readonly fd: number;
  /** An eventfd that ends it. */
  readonly stop: number;
  /** The descriptor that lines of log and debug go to. */
  readonly stderr: number;
  readonly validity: number;
  readonly settings: MountSettings;
}

const { fd, stop, stderr, validity, settings } = workerData as DeviceOrder;
const log = logTo(stderr);
const { tree, host } = hostTree(settings, log);
serveBlocking(fd, new Session(tree, { log, validity }), { stop, tick: () => host.reap() });

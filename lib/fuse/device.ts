/** Mounting without a server yet: what the kernel gives is a descriptor to serve. */
import { closeSync, constants, openSync } from 'node:fs';
import { mount } from './native.js';
import type { CarryOptions } from './transport.js';

/** The kernel's mount flags, by the names of their options. Source: include/uapi/linux/mount.h. */
const mountFlags: Readonly<Record<string, number>> = { nosuid: 2, nodev: 4, noexec: 8, noatime: 1024 };
const MS_RDONLY = 1;

/**
 * Mounts a file system without a server yet: the kernel's first request waits.
 *
 * @returns the descriptor to serve it on
 * @throws BcfsError EPERM, and whatever else mount(2) answers
 */
export function mountDevice(mountpoint: string, options: CarryOptions, nonblocking: boolean): number {
  const fd = openSync('/dev/fuse', constants.O_RDWR | (nonblocking ? constants.O_NONBLOCK : 0));
  try {
    const flags = options.flags.reduce(
      (all, name) => all | (mountFlags[name] ?? 0),
      options.ro ? MS_RDONLY : 0,
    );
    const data = [`fd=${fd}`, 'rootmode=40000', 'user_id=0', 'group_id=0', 'default_permissions'];
    if (options.allowOther) data.push('allow_other');
    mount('bcfs', mountpoint, 'fuse.bcfs', flags, data.join(','));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

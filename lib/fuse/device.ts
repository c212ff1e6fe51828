/**
 * Mounting without a server yet: what the kernel gives is a descriptor to serve.
 *
 * Whoever may mount does it himself: root, and the root of a user namespace. Anybody else needs fusermount, if it is
 * installed.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { BcfsError, strerror, type ErrnoName } from '../errors.js';
import { geteuid } from '../user.js';
import { findFusermount, mountByFusermount } from './fusermount.js';
import { mount, setNonblocking } from './native.js';
import type { CarryOptions } from './transport.js';

/** The kernel's mount flags, by the names of their options. Source: include/uapi/linux/mount.h. */
const mountFlags: Readonly<Record<string, number>> = { nosuid: 2, nodev: 4, noexec: 8, noatime: 1024 };
const MS_RDONLY = 1;

/** As libfuse has it: no file of ours is a program or a device. */
const ALWAYS = ['nosuid', 'nodev'];

/**
 * Mounts a file system without a server yet: the kernel's first request waits.
 *
 * @param nonblocking whether a read of the descriptor returns at once
 * @returns the descriptor to serve it on
 * @throws BcfsError EPERM if the kernel or fusermount refuses, and whatever else mount(2) answers
 */
export function mountDevice(mountpoint: string, options: CarryOptions, nonblocking: boolean): number {
  try {
    return mountDirectly(mountpoint, options, nonblocking);
  } catch (error) {
    const { code } = error as { code?: ErrnoName };
    // EINVAL: what is called /dev/fuse is something else.
    if (code !== 'EPERM' && code !== 'EACCES' && code !== 'EINVAL') throw error;
    const fusermount = isRoot() ? undefined : findFusermount();
    if (fusermount === undefined) throw refusal(mountpoint, strerror(code), error);
    const fd = mountByFusermount(fusermount, mountpoint, options);
    if (nonblocking) setNonblocking(fd);
    return fd;
  }
}

function mountDirectly(mountpoint: string, options: CarryOptions, nonblocking: boolean): number {
  const fd = openSync('/dev/fuse', constants.O_RDWR | (nonblocking ? constants.O_NONBLOCK : 0));
  try {
    const flags = [...ALWAYS, ...options.flags].reduce(
      (all, name) => all | (mountFlags[name] ?? 0),
      options.ro ? MS_RDONLY : 0,
    );
    // As the user namespace that this process is in counts them.
    const ids = [`user_id=${process.getuid?.() ?? 0}`, `group_id=${process.getgid?.() ?? 0}`];
    const data = [`fd=${fd}`, 'rootmode=40000', ...ids, 'default_permissions'];
    if (options.allowOther) data.push('allow_other');
    mount('bcfs', mountpoint, 'fuse.bcfs', flags, data.join(','));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Root of this user namespace: who needs no fusermount, and is not given it. */
export function isRoot(): boolean {
  return geteuid() === 0;
}

/** What is said where the kernel does not let this process mount. */
export function refusal(mountpoint: string, reason: string, cause: unknown): BcfsError {
  const need = isRoot()
    ? 'CAP_SYS_ADMIN is needed'
    : 'it needs root, or fusermount3 (the package fuse3), or a user namespace (unshare -Urm); without, try: bcfs sh';
  return new BcfsError('EPERM', `${mountpoint}: the kernel refuses the mount (${reason}); ${need}`, {
    cause,
  });
}

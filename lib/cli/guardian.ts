/**
 * What takes the mount away when the daemon was killed: a shell that waits at the other end of a pipe until the daemon
 * is no more. It holds nothing else, and needs a megabyte.
 *
 * It takes away the very mount that the daemon had, if that is dead and nothing is mounted over it, and nothing else:
 * ids and devices of mounts are used again, so it also asks whether the mount is dead.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { closeOnExec } from '../fuse/native.js';
import { isRoot } from '../fuse/device.js';
import { findFusermount, unmountArguments } from '../fuse/fusermount.js';
import { escape, type MountEntry } from '../fuse/mountinfo.js';

/**
 * Arguments: the mount's id, its device, its mountpoint as in mountinfo, its mountpoint, and what unmounts it. The
 * last answers of a server that is just being ended may still come: so it asks more than once.
 */
const script = `
trap '' HUP INT TERM QUIT
read -r word && exit
top=
while read -r id parent device root at rest; do
  if [ "$at" = "$3" ]; then top="$id $device"; fi
done < /proc/self/mountinfo
[ "$top" = "$1 $2" ] || exit
path=$4
shift 4
for try in 1 2 3 4 5; do
  case $(LC_ALL=C timeout 5 stat -f -- "$path" 2>&1) in
    *'not connected'*) exec "$@" "$path" ;;
  esac
  sleep 1
done`;

export interface Guardian {
  /** Tells it that the mount has gone. It ends. */
  readonly dismiss: () => void;
}

/**
 * Starts one, for as long as this process lives. Without it the mount is as good.
 *
 * @param log takes a line about one that does not start
 */
export function guard(entry: MountEntry, log: (line: string) => void): Guardian {
  const failed = (error: Error): void => log(`${entry.mountpoint}: no auto_unmount: ${error.message}`);
  try {
    keepDescriptors();
    const shell = start(entry);
    shell.on('error', failed);
    // It was ended by somebody; and for want of descriptors there is none.
    shell.stdin?.on('error', () => undefined);
    shell.unref();
    return { dismiss: () => void shell.stdin?.end('gone\n') };
  } catch (error) {
    failed(error as Error);
    return { dismiss: () => undefined };
  }
}

function start({ id, device, mountpoint }: MountEntry): ChildProcess {
  const unmount = isRoot()
    ? ['umount', '-l', '-i', '--']
    : [findFusermount() ?? 'fusermount3', ...unmountArguments(true)];
  const mount = [String(id), device, escape(mountpoint), mountpoint];
  return spawn('/bin/sh', ['-c', script, 'bcfs-guardian', ...mount, ...unmount], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    detached: true,
  });
}

/** Hands on to it nothing that this process itself was given. */
function keepDescriptors(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    try {
      if (fd > 2) closeOnExec(fd);
    } catch {
      // The descriptor that listed the directory.
    }
  }
}

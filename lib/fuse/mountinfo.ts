/** `/proc/self/mountinfo`: what is mounted where. Source: proc_pid_mountinfo(5). */
import { readFileSync } from 'node:fs';

export interface MountEntry {
  readonly id: number;
  /** `0:39`: major and minor of the file system; the same from every path and mount namespace. */
  readonly device: string;
  readonly mountpoint: string;
  /** `fuse.bcfs` for ours. */
  readonly type: string;
}

/** The mounts, in the order they were made: of two on one mountpoint the later one is seen. */
export function readMounts(path = '/proc/self/mountinfo'): MountEntry[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean).map(parseLine);
}

/** The mount that is seen at a mountpoint, given as a real path. */
export function mountAt(mountpoint: string, mounts = readMounts()): MountEntry | undefined {
  return mounts.findLast((entry) => entry.mountpoint === mountpoint);
}

function parseLine(line: string): MountEntry {
  const [id, , device = '', , mountpoint = '', ...rest] = line.split(' ');
  // After as many optional fields as there are.
  const [type = ''] = rest.slice(rest.indexOf('-') + 1);
  return { id: Number(id), device, mountpoint: unescape(mountpoint), type };
}

/** Space, tab, newline and backslash are written as three octal digits; the rest is raw bytes. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

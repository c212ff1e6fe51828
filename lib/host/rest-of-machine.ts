/** What the whole machine holds: beancounter 0 holds that of it which no other does. Sources: proc_loadavg(5), proc_meminfo(5), proc_sys_fs(5). */
import { readFileSync } from 'node:fs';

/** Kibibytes per page. */
const PAGE_KIB = 4;

/** The totals of a machine, by the name of the resource, in its unit. */
export function machineTotals(proc: string): Readonly<Record<string, () => number>> {
  const read = (path: string) => readFileSync(`${proc}/${path}`, 'utf8');
  /** The sum of some lines of meminfo, in KiB. */
  const meminfo = (...names: string[]): number => {
    const text = read('meminfo');
    return names.reduce(
      (sum, name) => sum + Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0),
      0,
    );
  };
  return {
    // The fourth field: tasks that run, and tasks there are.
    numtasks: () => Number(/\d+\/(\d+)/.exec(read('loadavg'))?.[1]),
    numfiles: () => Number.parseInt(read('sys/fs/file-nr'), 10),
    physpages: () => meminfo('AnonPages', 'Mapped') / PAGE_KIB,
    privvmpages: () => meminfo('Committed_AS') / PAGE_KIB,
    kmemsize: () => meminfo('Slab', 'KernelStack', 'PageTables', 'SecPageTables', 'Percpu') * 1024,
  };
}

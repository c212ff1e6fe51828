/** `bcfs ps <mountpoint>`: the processes that are in a beancounter other than 0. */
import type { ProcessEntry } from '../host/report.js';
import { ask, controlSocketOf } from './control-client.js';
import { table } from './table.js';

export async function psCommand(mountpoint: string, flags: { readonly json?: true }): Promise<void> {
  const processes = await ask(await controlSocketOf(mountpoint), { ask: 'ps' });
  process.stdout.write(flags.json ? `${JSON.stringify(processes)}\n` : showProcesses(processes));
}

/** As people read it. */
export function showProcesses(processes: readonly ProcessEntry[]): string {
  const rows = processes.map(({ pid, threads, beancounter, command }) => [
    String(pid),
    String(threads),
    String(beancounter),
    command,
  ]);
  return table([['PID', 'THREADS', 'BC', 'COMMAND'], ...rows], [0, 1, 2]);
}

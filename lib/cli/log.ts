/** Where a daemon's lines go. */
import { writeSync } from 'node:fs';
import { format } from 'node:util';
import createDebug from 'debug';

/** Sends all lines of debug to a descriptor. @returns what takes a line of log */
export function logTo(fd: number): (line: string) => void {
  const print = (line: string): void => {
    try {
      writeSync(fd, `${line}\n`);
    } catch {
      // Nobody reads it any more, or its disk is full: no reason to stop serving.
    }
  };
  createDebug.log = (...args: unknown[]) => print(format(...args));
  return (line) => print(`bcfs: ${line}`);
}

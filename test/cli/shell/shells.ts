/** Shells over trees in this process, with what they print in hand. */
import { hostTree } from '../../../lib/cli/host-tree.js';
import { defaultSettings, type MountSettings } from '../../../lib/cli/mount-options.js';
import { createShell, type Environment } from '../../../lib/cli/shell/shell.js';
import { operations, type Operations } from '../../../lib/fuse/operations.js';
import type { Outcome } from '../../fixtures/command.js';

/** The operations of a tree as `bcfs -o …` mounts it. */
export function treeOperations(settings: Partial<MountSettings> = {}): Operations {
  const { tree } = hostTree({ ...defaultSettings(), ...settings }, (line) => {
    throw new Error(line);
  });
  return operations(tree);
}

/** Runs a text in a shell of its own, as `bcfs sh -c` does. */
export function runIn(ops: Operations, text: string, environment: Partial<Environment> = {}): Outcome {
  const stdout: Uint8Array[] = [];
  let stderr = '';
  const shell = createShell(ops, {
    stdout: (bytes) => {
      stdout.push(bytes);
      return 0;
    },
    stderr: (message) => (stderr += message),
    stdin: () => new Uint8Array(),
    columns: undefined,
    pid: process.pid,
    variables: {},
    ro: false,
    settle: () => {},
    ...environment,
  });
  shell.run(text);
  return { code: shell.session.status, stdout: Buffer.concat(stdout).toString(), stderr };
}

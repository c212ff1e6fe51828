/** The command line. Each subcommand is a file of its own, loaded when it is called. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_TRANSPORT, transportChoices } from '../fuse/transport.js';
import { exitCodes, fail, failureOf, oneLine } from './exit.js';
import { hostNames, parseMountOptions, type MountSettings } from './mount-options.js';
import type { MountFlags } from './mount.js';
import type { RunFlags } from './run.js';
import { parseSetting, type Setting } from './setting.js';
import type { ShFlags } from './sh.js';
import { helpText } from './shell/commands.js';
import type { UmountFlags } from './umount.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const mountHelp = `
Mount options (-o), as mount(8) and fstab have them:
  ro, rw              read-only; read and write (default)
  allow_other         let other users in, as the modes of the files allow
  nonempty            mount over a directory that is not empty
  uid=N, gid=N        owner and group of all files (default: who mounts)
  strict              v6 to the letter: no newline, numbers wrap, other errors
  auto_unmount, noauto_unmount
                      take the mount away when the daemon is killed (default), or leave it dead
  watchdog=SECONDS    end a mount that does not answer for so long (default: 20; 0: never); dev-fuse only
  noexec, nosuid, nodev, noatime
                      as in mount(8)
  interval=SECONDS    between two looks at what is read process by process: 0.1 to 3600 (default: 1)
  cgroup=NAME         bcfs's own directory in each hierarchy of cgroups (default: bcfs, or
                      what the environment has as BCFS_CGROUP)
  oom                 when the machine is short of memory, kill in the beancounter most above its barrier
  trust               with fuse-native: take moves by those to whom tasks was given (chown), who is not known

Exit status: 0 done; 1 failed; 2 usage; 10 no such mountpoint; 11 not a directory; 12 not empty; 13 mounted
already or in use; 14 no FUSE; 15 not permitted; 16 a mount does not answer; 17 no bcfs is mounted there.

Example:
  mkdir -p /bc && bcfs /bc
  mkdir /bc/1 && echo 200 > /bc/1/numtasks/limit && cat /bc/1/numtasks/held
  bcfs umount /bc`;

const askHelp = `
Exit status: 0 done; 1 failed; 2 usage; 15 not permitted; 16 no daemon answers; 17 no bcfs is mounted there.`;

const eventsHelp = `
Prints until it is interrupted or the daemon ends.
A line: time, beancounter, resource, what, value. What, and what the value is then:
  barrier-hit  what is held went above the barrier: what is held
  refused      charges were refused: how many since the last such line
  killed       tasks were killed for want of memory: the pid, where bcfs chose it; else how many the kernel killed
  parameter    a change was refused: the limit that was asked for
${askHelp}`;

const runHelp = `
The beancounter is made if need be. What follows -- is executed in this process's place: the pid, the terminal and
the exit status are the command's. What fails before is one line, and is undone.

A value is a number, in the resource's unit: pages of 4096 bytes for privvmpages and physpages, bytes for kmemsize.
K, M and G behind it (powers of 1024) are bytes, for these three. Or it is: unlimited.

Exit status: the command's own; 126 it cannot be executed; 127 there is no such command; before it starts: 1 a
parameter or the move is refused; 2 usage; 10 no such mountpoint; 15 not permitted; 16 the mount does not answer;
17 no bcfs is mounted there.

Example:
  bcfs run --set numtasks=30 --set physpages=100M:120M /bc/7 -- make -j8`;

const shHelp = `
Exit status: that of the last command, as in sh; 2 after a syntax error.

Example:
  bcfs sh -c 'mkdir 1 && echo 200 > 1/numtasks/limit && cat 1/numtasks/*'`;

export function createProgram(): Command {
  const program = new Command('bcfs')
    .description('The beancounter filesystem: resource beancounters v6 as files.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .usage('[options] <mountpoint>\n       bcfs <command> [options] [arguments]')
    .argument('<mountpoint>', 'the directory to mount on')
    .option('-f, --foreground', 'stay in the foreground')
    .option('-d, --debug', 'print what happens (the namespaces bcfs:*), in the foreground')
    .addOption(
      new Option('-t, --transport <name>', 'what carries the mount')
        .choices(transportChoices)
        .default(DEFAULT_TRANSPORT),
    )
    .addOption(
      new Option('--host <kind>', 'what follows the tasks of this machine')
        .choices(hostNames)
        .default('auto'),
    )
    .option('-l, --log <file>', 'append what goes wrong later to a file; default: nowhere')
    .option<MountSettings | undefined>('-o, --options <opt[,opt…]>', 'mount options', parseMountOptions)
    .addHelpText('after', mountHelp)
    .enablePositionalOptions()
    .action(async (mountpoint: string, flags: MountFlags) => {
      const { mountCommand } = await import('./mount.js');
      await mountCommand(mountpoint, flags);
    });

  program
    .command('umount')
    .description('unmount a bcfs')
    .argument('<mountpoint>', 'where it is mounted')
    .option('-l, --lazy', 'detach it even if it is in use')
    .option('--drop', 'before that, move all tasks to beancounter 0 and remove the groups')
    .helpOption('-h, --help', 'print this help')
    .action(async (mountpoint: string, flags: UmountFlags) => {
      const { umountCommand } = await import('./umount.js');
      await umountCommand(mountpoint, flags);
    });

  asking(program.command('status'))
    .description('where each number comes from, how exact it is, and what holds the limits')
    .addHelpText('after', askHelp)
    .action(async (mountpoint: string, flags: JsonFlags) => {
      const { statusCommand } = await import('./status.js');
      await statusCommand(mountpoint, flags);
    });

  asking(program.command('ps'))
    .description('the processes that are in a beancounter other than 0')
    .addHelpText('after', askHelp)
    .action(async (mountpoint: string, flags: JsonFlags) => {
      const { psCommand } = await import('./ps.js');
      await psCommand(mountpoint, flags);
    });

  program
    .command('which')
    .description('the beancounter of a task, as a line of /proc/PID/status')
    .argument('<pid>', 'a pid or a tid', parsePid)
    .argument('[mountpoint]', 'where it is mounted; default: the bcfs of this machine that has the task')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', askHelp)
    .action(async (pid: number, mountpoint: string | undefined) => {
      const { whichCommand } = await import('./which.js');
      await whichCommand(pid, mountpoint);
    });

  asking(program.command('events'))
    .description('what happens to beancounters, as it happens')
    .addHelpText('after', eventsHelp)
    .action(async (mountpoint: string, flags: JsonFlags) => {
      const { eventsCommand } = await import('./events.js');
      await eventsCommand(mountpoint, flags);
    });

  program
    .command('run')
    .description('run a command in a beancounter')
    .usage('[options] <mountpoint>/<id> -- <command> [arguments]')
    .argument('<bc>', 'the directory of the beancounter')
    .argument('<command...>', 'what to run')
    .option<readonly Setting[] | undefined>(
      '--set <resource=value>',
      'set barrier and limit first; resource=barrier:limit for two values',
      parseSetting,
    )
    .passThroughOptions()
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', runHelp)
    .action(async (beancounter: string, words: string[], flags: RunFlags) =>
      (await import('./run.js')).runCommand(beancounter, words, flags),
    );

  program
    .command('help')
    .description('print the help of a command')
    .argument('[command]', 'its name')
    .helpOption(false)
    .action((name?: string) => {
      const command = name === undefined ? program : program.commands.find((each) => each.name() === name);
      if (!command) return program.error(`no such command: ${name}`);
      command.outputHelp();
    });

  program
    .command('sh')
    .description('use the tree without FUSE: a small shell over beancounters of its own, gone when it ends')
    .option('-c <commands>', 'run these commands; default: those that are read from stdin')
    .option<MountSettings | undefined>(
      '-o, --options <opt[,opt…]>',
      'mount options; those that count here: ro, rw, uid=N, gid=N, strict',
      parseMountOptions,
    )
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `\n${helpText()}${shHelp}`)
    .action(async (flags: ShFlags) => {
      const { processStdio, shCommand } = await import('./sh.js');
      process.exitCode = await shCommand(flags, processStdio());
    });

  return program;
}

interface JsonFlags {
  readonly json?: true;
}

/** What all commands that ask the daemon of a mount have. */
function asking(command: Command): Command {
  return command
    .argument('<mountpoint>', 'where it is mounted')
    .option('--json', 'print JSON')
    .helpOption('-h, --help', 'print this help');
}

function parsePid(text: string): number {
  const pid = /^[1-9][0-9]*$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(pid)) throw new InvalidArgumentError(`${text}: not a pid`);
  return pid;
}

/** Runs the command line. @param argv as process.argv */
export async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(`bcfs: ${usageError(text)}; see: bcfs --help\n`),
    });
  }
  // Whoever reads has gone, as in `bcfs --help | head -1`, or has no room left.
  process.stdout.on('error', (error: Error) =>
    fail({ exitCode: exitCodes.FAILURE, message: `output: ${error.message}` }),
  );
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(failureOf(error));
    process.exitCode = error.exitCode === 0 ? exitCodes.OK : exitCodes.USAGE;
  }
}

/** What commander says is wrong, as one line: without what it puts around a message of ours, and its full stop. */
function usageError(text: string): string {
  return oneLine(
    text
      .replace(
        /^error: ((option '[^]*' argument|command-argument value) '[^]*' is invalid( for argument '[^]*')?\. )?/,
        '',
      )
      .replace(/\n(?=\(Did you mean )/, ' ')
      .replace(/\.?\n$/, ''),
  );
}

/** The command line. Each subcommand is a file of its own, loaded when it is called. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_TRANSPORT, transportChoices } from '../fuse/transport.js';
import { exitCodes, fail, failureOf, oneLine } from './exit.js';
import { parseMountOptions, type MountSettings } from './mount-options.js';
import type { MountFlags } from './mount.js';
import type { ShFlags } from './sh.js';
import { helpText } from './shell/commands.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const mountHelp = `
Mount options (-o), as mount(8) and fstab have them:
  ro, rw              read-only; read and write (default)
  allow_other         let users other than root in, as the modes of the files allow
  nonempty            mount over a directory that is not empty
  uid=N, gid=N        owner and group of all files (default: 0)
  strict              v6 to the letter: no newline, numbers wrap, other errors
  noexec, nosuid, nodev, noatime
                      as in mount(8)

Exit status: 0 done; 1 failed; 2 usage; 10 no such mountpoint; 11 not a directory; 12 not empty; 13 mounted
already or in use; 14 no FUSE; 15 not permitted; 16 a mount does not answer; 17 no bcfs is mounted there.

Example:
  mkdir -p /bc && bcfs /bc
  mkdir /bc/1 && echo 200 > /bc/1/numtasks/limit && cat /bc/1/numtasks/held
  bcfs umount /bc`;

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
    .usage('[options] <mountpoint>\n       bcfs umount <mountpoint>\n       bcfs sh [-c <commands>]')
    .argument('<mountpoint>', 'the directory to mount on')
    .option('-f, --foreground', 'stay in the foreground')
    .option('-d, --debug', 'print what happens (the namespaces bcfs:*), in the foreground')
    .addOption(
      new Option('-t, --transport <name>', 'what carries the mount')
        .choices(transportChoices)
        .default(DEFAULT_TRANSPORT),
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
    .helpOption('-h, --help', 'print this help')
    .action(async (mountpoint: string, flags: { lazy?: true }) => {
      const { umountCommand } = await import('./umount.js');
      await umountCommand(mountpoint, flags);
    });

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
      .replace(/^error: (option '[^]*' argument '[^]*' is invalid\. )?/, '')
      .replace(/\n(?=\(Did you mean )/, ' ')
      .replace(/\.?\n$/, ''),
  );
}

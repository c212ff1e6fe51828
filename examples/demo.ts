/**
 * The demo: `npm run demo`. What a user sees, live: the session of the README in a bash of its own, on a mount of
 * its own, and a program that charges.
 *
 * Each command is printed, run, and followed by what it really prints; if that is not what the README says, the
 * demo says so and fails. Where nothing can be mounted it runs the same session in `bcfs sh`. Whatever happens, it
 * leaves nothing behind.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { controlDirectory } from '../lib/cli/control-protocol.js';
import { findMachine } from '../lib/host/machine.js';
import { DemoShell } from './demo-shell.js';

const run = promisify(execFile);

const root = fileURLToPath(new URL('../..', import.meta.url));
const tenantsScript = fileURLToPath(new URL('04-tenants.js', import.meta.url));

/** Exit codes of bcfs that say that this machine, or this user, cannot mount: docs/interface.md. */
const CANNOT_MOUNT = [14, 15];

/** A command, where BC is the mountpoint, and what it prints. */
type Step = readonly [command: string, printed: string];

const first: Step = ['mkdir -p BC && bin/bcfs BC', ''];

const session: readonly Step[] = [
  ['ls BC', '0  description\n'],
  ['mkdir BC/1', ''],
  ['ls BC/1', 'id  kmemsize  numfiles  numtasks  physpages  privvmpages  tasks  threads\n'],
  ['cat BC/1/numtasks/limit', '128\n'],
  ['echo 200 > BC/1/numtasks/limit && echo 150 > BC/1/numtasks/barrier', ''],
  ['echo 500 > BC/1/numtasks/barrier', 'SHELL: echo: write error: Invalid argument\n'],
  ['echo $$ > BC/1/tasks', ''],
];

const last: Step = ['rmdir BC/1; bin/bcfs umount BC', ''];
const lastWithoutMount: Step = ['rmdir BC/1', ''];

/** What does not print what it should. */
class Unexpected extends Error {}

/** What the demo has started, to be taken away; the last first. */
const endings: (() => Promise<unknown>)[] = [];

async function cleanUp(): Promise<void> {
  for (let ending = endings.pop(); ending; ending = endings.pop()) await ending().catch(() => undefined);
}

/**
 * A signal ends the demo after the step that is being taken, for a daemon that is being started would outlive it.
 */
const interruption = new AbortController();
let interruptedBy = 0;
for (const [signal, exitCode] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    interruptedBy = exitCode;
    interruption.abort(new Error('interrupted'));
  });
}

/** Runs a step in a shell: prints it, and what it prints. @returns its exit status */
async function show(shell: DemoShell, [command, expected]: Step): Promise<number> {
  interruption.signal.throwIfAborted();
  console.log(`# ${command}`);
  const { text, status } = await shell.type(command);
  process.stdout.write(text);
  if (expandTabs(text) !== expected && !CANNOT_MOUNT.includes(status)) {
    throw new Unexpected(`not what it should print:\n${expected}`);
  }
  return status;
}

/** What a terminal makes of a tab: ls puts some between its columns. */
function expandTabs(text: string): string {
  return text.replace(/[^\t\n]*\t/g, (cell) => cell.slice(0, -1).padEnd(Math.ceil(cell.length / 8) * 8));
}

/** A directory to mount on, which the shell is yet to make, or which is there. */
function mountpointIn(directory: string, name: string): string {
  const mountpoint = join(directory, name);
  endings.push(() => rmdir(mountpoint));
  endings.push(() => run('umount', ['-l', '--', mountpoint]));
  return mountpoint;
}

/** A shell that is gone with the demo. */
async function openShell(command: string): Promise<DemoShell> {
  const env = { ...process.env, LC_ALL: 'C', PS1: '', HISTFILE: '', COLUMNS: '80' };
  const shell = new DemoShell(command, root, env);
  endings.push(() => shell.end());
  return shell.start();
}

function onMount([command, printed]: Step, mountpoint: string): Step {
  return [command.replaceAll('BC', mountpoint), printed.replace('SHELL', 'bash')];
}

/** In `bcfs sh` the tree is the root. */
function inSh([command, printed]: Step): Step {
  const words = command.replaceAll('BC/', '/').replaceAll('BC', '/').replace(/^ls/, 'ls -C');
  return [words, printed.replace('SHELL', 'bcfs')];
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bcfs-demo-'));
  endings.push(() => rmdir(directory));
  // Its shell is in a beancounter to the end, and so the beancounter outlives the mount.
  const cgroup = `bcfs-demo-${process.pid}`;
  process.env['BCFS_CGROUP'] = cgroup;
  endings.push(() => removeGroups(cgroup));
  const mountpoint = mountpointIn(directory, 'bc');

  const bash = await openShell('bash --norc --noprofile --noediting -i');
  // As it is on a terminal.
  await bash.type('ls() { command ls -C "$@"; }');
  const status = await show(bash, onMount(first, mountpoint));
  if (CANNOT_MOUNT.includes(status)) {
    console.log(
      '\nNothing can be mounted here, so this is the same session without a mount, in: bin/bcfs sh\n',
    );
    return demoWithoutMount();
  }
  for (const step of [...session, last]) await show(bash, onMount(step, mountpoint));
  await demoTenants(bash, mountpointIn(directory, 'tenants'));
}

/** As the next daemon of the same groups would find them empty and remove them. */
async function removeGroups(cgroup: string): Promise<void> {
  for (const groups of findMachine({ host: 'auto', cgroup }).hierarchies) {
    for (const id of groups.ids()) groups.remove(id);
  }
  await rm(`${controlDirectory()}/${cgroup}.state`, { force: true });
}

async function demoWithoutMount(): Promise<void> {
  const sh = await openShell('bin/bcfs sh');
  for (const step of [...session, lastWithoutMount]) await show(sh, inSh(step));
  console.log('\nA program that charges, examples/04-tenants.ts, without a mount:\n');
  console.log('# node dist/examples/04-tenants.js');
  const { stdout } = await run(process.execPath, [tenantsScript]);
  process.stdout.write(stdout);
  if (!stdout.includes('tenant 7 is refused connection 6\n')) throw new Unexpected('nothing was refused');
}

async function demoTenants(bash: DemoShell, mountpoint: string): Promise<void> {
  console.log('\nA program that charges, examples/04-tenants.ts, and its operator:\n');
  await mkdir(mountpoint);
  console.log(`# node dist/examples/04-tenants.js ${mountpoint} &`);
  const program = spawn(process.execPath, [tenantsScript, mountpoint], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(program, 'exit');
  endings.push(async () => {
    program.kill('SIGKILL');
    await gone;
  });
  const saw = listen(program);

  await saw('tenant 7 is refused connection 6');
  await show(bash, [`cat ${mountpoint}/7/connections/held`, '5\n']);
  await show(bash, [`echo 8 > ${mountpoint}/7/connections/limit`, '']);
  await saw('tenant 7 is refused connection 9');
  await show(bash, [`cat ${mountpoint}/7/connections/held`, '8\n']);
  console.log('# kill -INT %1');
  program.kill('SIGINT');
  const [code] = (await gone) as [number | null];
  if (code !== 0) throw new Unexpected(`the program ended with ${code ?? 'a signal'}`);
}

/** Milliseconds to wait for a line. */
const PATIENCE = 20_000;

/** Prints the lines of a program as they come. @returns what waits for one of them */
function listen(program: ChildProcess): (line: string) => Promise<void> {
  const seen = new Set<string>();
  const waiting = new Map<string, () => void>();
  if (program.stdout) {
    createInterface({ input: program.stdout }).on('line', (line) => {
      console.log(line);
      seen.add(line);
      waiting.get(line)?.();
    });
  }
  return (line) =>
    new Promise((resolve, reject) => {
      if (seen.has(line)) return resolve();
      const timer = setTimeout(() => reject(new Unexpected(`it never said: ${line}`)), PATIENCE);
      interruption.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new Error('interrupted'));
      });
      waiting.set(line, () => {
        clearTimeout(timer);
        resolve();
      });
    });
}

try {
  await main();
} catch (error) {
  process.exitCode = interruption.signal.aborted ? interruptedBy : 1;
  console.log(`demo: ${error instanceof Error ? error.message : String(error)}`);
} finally {
  await cleanUp();
}

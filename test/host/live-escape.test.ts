import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { actor } from '../fixtures/actor.js';
import { live, needsCgroup } from '../fixtures/live.js';
import { until } from '../fixtures/mounted.js';
import { echo, must } from '../fixtures/shelf.js';

/** The processes that were started as this, with spaces between their arguments. */
function started(command: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => commandLine(pid) === command)
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended
  }
}

/** What a task may try, to run a command outside. */
const ways: Readonly<Record<string, (command: string) => string>> = {
  exec: (command) => `(exec ${command}) &`,
  setsid: (command) => `setsid ${command} &`,
  'a double fork': (command) => `( ( ${command} & ) & )`,
  chroot: (command) => `chroot / ${command} &`,
  'new namespaces': (command) => `unshare -imnpuf --mount-proc ${command} &`,
  'closing all descriptors': (command) => `${command} <&- >&- 2>&- &`,
  nohup: (command) => `nohup ${command} > /dev/null &`,
};

t.test('nothing that a task does inside gets it out', needsCgroup, async (t) => {
  const { tree, machine } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  for (const [index, [way, made]] of Object.entries(ways).entries()) {
    const command = `sleep 5${process.pid}.${index}`;
    await bash.run(made(command));
    await until(`${way} has started`, () => started(command).length > 0);
    for (const pid of started(command)) {
      for (const groups of machine.hierarchies) {
        t.ok(groups.processes(1).includes(pid), `${way}: in ${groups.controllers.join(',')}`);
      }
      process.kill(pid, 'SIGKILL');
    }
  }
});

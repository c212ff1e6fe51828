import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { cgroup, root, TIME_LIMIT } from '../fixtures/command.js';
import { liveDirectory } from '../fixtures/live-mount.js';
import { mountpoints, needsFuse } from '../fixtures/mounted.js';

/** What the README shows. */
const session = `\
# mkdir -p /bc && bin/bcfs /bc
# ls /bc
0  description
# mkdir /bc/1
# ls /bc/1
id  kmemsize  numfiles  numtasks  physpages  privvmpages  tasks  threads
# cat /bc/1/numtasks/limit
128
# echo 200 > /bc/1/numtasks/limit && echo 150 > /bc/1/numtasks/barrier
# echo 500 > /bc/1/numtasks/barrier
bash: echo: write error: Invalid argument
# echo $$ > /bc/1/tasks
# rmdir /bc/1; bin/bcfs umount /bc
`;

const prompt = '# ';
const commands = session
  .split('\n')
  .filter((line) => line.startsWith(prompt))
  .map((line) => line.slice(prompt.length));

/** Types commands at an interactive bash on a terminal, one at each prompt. @returns what the terminal shows */
async function type(lines: readonly string[]): Promise<string> {
  const terminal = spawn(
    'script',
    ['-qefc', `PS1='${prompt}' bash --norc --noprofile --noediting -i`, '/dev/null'],
    {
      cwd: root,
      env: { ...process.env, LC_ALL: 'C', TERM: 'dumb', HISTFILE: '', BCFS_CGROUP: cgroup },
      timeout: TIME_LIMIT,
      killSignal: 'SIGKILL',
    },
  );
  const left = [...lines, 'exit'];
  let shown = '';
  terminal.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (shown.endsWith(`\n${prompt}`) || shown === prompt) terminal.stdin.write(`${left.shift() ?? ''}\n`);
  });
  await once(terminal, 'close');
  return shown
    .replaceAll('\r', '')
    .replaceAll('\t', '  ')
    .replace(/# exit\nexit\n$/, '');
}

const hasTerminal = spawnSync('script', ['--version']).error === undefined;
const skip = needsFuse.skip || (!hasTerminal && 'needs script');

t.test('the session of the README works as printed', { skip }, async (t) => {
  const directory = await liveDirectory(t);
  const here = (text: string) => text.replaceAll(' /bc', ` ${directory}/bc`);
  t.equal(await type(commands.map(here)), here(session));
  t.strictSame(mountpoints(directory), [], 'nothing is mounted afterwards');
});

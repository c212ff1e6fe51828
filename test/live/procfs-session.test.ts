import { chown } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs, run } from '../fixtures/command.js';
import { emptyDirectory, mountpoints, needsFuse } from '../fixtures/mounted.js';
import { python } from '../fixtures/python.js';
import { nobody, nobodyReads, withDevice } from '../fixtures/unprivileged.js';

t.test('a session with /proc alone, and without root', needsFuse, async (t) => {
  if (!(await nobodyReads(bcfs)))
    return t.pass('not here', { skip: 'needs a repository that everybody may read' });
  const directory = await emptyDirectory(t);
  await bash(`mkdir ${directory}/bc ${directory}/run && chmod 711 ${directory}`);
  for (const name of ['bc', 'run']) await chown(`${directory}/${name}`, 65534, 65534);
  const script = `
    export BCFS_RUNTIME_DIRECTORY=${directory}/run
    cd /; bc=${directory}/bc
    ${bcfs} --host procfs -o interval=0.1 $bc || exit
    settled() { for i in {1..150}; do [ "$(cat $1)" -$2 $3 ] && return; read -t 0.1 <> <(:); done; cat $1; }
    exec 7</dev/null
    mkdir $bc/1; echo $$ > $bc/1/tasks
    sleep 100 & first=$!; sleep 100 & second=$!
    settled $bc/1/numtasks/held ge 2 && echo "its children"
    before=$(cat $bc/1/numfiles/held)
    exec 8</etc/passwd
    settled $bc/1/numfiles/held gt $before && echo "a file more"
    ${bcfs} which $first $bc
    ${bcfs} ps $bc | grep -c ' sleep 100$'
    ${bcfs} status $bc | awk '$1 ~ /^(host|numtasks|numfiles|physpages|kmemsize)$/ { print $1, $2 == "items" || $2 == "pages" || $2 == "bytes" ? $3 : $2 }'
    ${python} -c 'x = "x" * (50 << 20); import time; time.sleep(100)' & hog=$!
    settled $bc/1/physpages/held gt 12800 && echo resident
    settled $bc/1/privvmpages/held gt 12800 && echo private
    ${bcfs} run --set numfiles=40 $bc/9 -- ${python} -c '
import time
files, end = [], time.time() + 2
while time.time() < end:
    try:
        files.append(open("/etc/passwd"))
        end = time.time() + 2
    except OSError: time.sleep(0.05)
print(len(files), "files")'
    kill $first $second $hog; wait 2> /dev/null
    settled $bc/1/physpages/held lt 12800 && echo "given back"
    echo $$ > $bc/0/tasks
    ${bcfs} umount $bc && while grep -q " $bc " /proc/self/mountinfo; do read -t 0.1 <> <(:); done`;
  const [program, ...args] = [...(await withDevice(t, 'dev')), ...nobody, 'unshare', '-Urm'];
  const { code, stdout, stderr } = await run(program, [...args, 'bash', '-c', script]);
  if (/^unshare: /.test(stderr)) return t.pass('not here', { skip: 'no user namespaces' });
  t.strictSame(
    { code, stderr: stderr.replace(/^.*(Killed|Terminated).*\n/gm, '') },
    { code: 0, stderr: '' },
    stdout,
  );
  t.strictSame(stdout.trimEnd().split('\n'), [
    'its children',
    'a file more',
    'Bcid:\t1',
    '2',
    'host /proc',
    'kmemsize nothing',
    'physpages /proc/PID/statm,',
    'numtasks /proc/PID/stat,',
    'numfiles /proc/PID/fd,',
    'resident',
    'private',
    '40 files',
    'given back',
  ]);
  t.strictSame(mountpoints(directory), [], 'and nothing of it is outside');
});

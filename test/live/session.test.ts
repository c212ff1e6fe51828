import t from 'tap';
import { python } from '../fixtures/python.js';
import { bash, bcfs } from '../fixtures/command.js';
import { needsCgroup } from '../fixtures/live.js';
import { liveMount } from '../fixtures/live-mount.js';
import { needsFuse } from '../fixtures/mounted.js';

for (const transport of ['dev-fuse', 'fuse-native']) {
  t.test(`a session over ${transport}`, { ...needsFuse, ...needsCgroup }, async (t) => {
    const bc = await liveMount(t, ['--transport', transport]);
    const { stdout, stderr } = await bash(`
      cd /
      settled() { for i in {1..100}; do [ "$(cat $1)" -$2 $3 ] && return; read -t 0.1 <> <(:); done; cat $1; }
      exec 6</dev/null 7</dev/null
      mkdir ${bc}/1; echo $$ > ${bc}/1/tasks
      cat ${bc}/1/numtasks/held
      sleep 100 & first=$!; sleep 100 & second=$!
      read -r held < ${bc}/1/numtasks/held; echo "held $held"
      before=$(cat ${bc}/1/numfiles/held)
      exec 8</etc/passwd
      settled ${bc}/1/numfiles/held gt $before && echo "a file more"
      exec 9<&8
      echo "$(${bcfs} which $$ ${bc})"
      ${bcfs} ps ${bc} | grep -c ' sleep 100$'
      ${bcfs} status ${bc} | grep -q 'pids.current' && echo "status tells"
      ${python} -c 'x = "x" * (50 << 20); import time; time.sleep(100)' & hog=$!
      settled ${bc}/1/physpages/held gt 12800 && echo "resident"
      settled ${bc}/1/privvmpages/held gt 12800 && echo "private"
      kill $first $second $hog; wait 2>/dev/null
      cat ${bc}/1/numtasks/held
      rmdir ${bc}/1; ls ${bc}
      mkdir ${bc}/1; echo $$ > ${bc}/0/tasks; read -r max < ${bc}/1/numtasks/maxheld; [ $max -ge 3 ] && echo "maxheld is kept" || echo $max
      rmdir ${bc}/1
    `);
    t.equal(stderr, '');
    t.strictSame(stdout.trimEnd().split('\n'), [
      '1',
      'held 2',
      'a file more',
      'Bcid:\t1',
      '2',
      'status tells',
      'resident',
      'private',
      '1',
      '0',
      'description',
      'maxheld is kept',
    ]);
  });

  t.test(`run over ${transport} puts a command in its box`, { ...needsFuse, ...needsCgroup }, async (t) => {
    const bc = await liveMount(t, ['--transport', transport]);
    const forks = `${python} -c '
import os, time
pids = []
for _ in range(20):
    try:
        pid = os.fork()
        if pid == 0: time.sleep(100)
        pids.append(pid)
    except OSError: print("refused")
print("held", open("${bc}/7/numtasks/held").read(), end="")
for pid in pids: os.kill(pid, 9), os.waitpid(pid, 0)
'`;

    const { stdout, stderr, code } = await bash(`
      ${bcfs} run --set numtasks=5 ${bc}/7 -- ${forks} | sort | uniq -c
      cat ${bc}/7/numtasks/failcnt ${bc}/7/numtasks/maxheld
      ${bcfs} run --set physpages=50M ${bc}/8 -- ${python} -c 'x = "x" * (200 << 20); print("held")'; echo "exit $?"
      cat ${bc}/8/physpages/failcnt
      ${bcfs} run --set numfiles=40 ${bc}/9 -- ${python} -c '
import time
time.sleep(0.5)
files = []
try:
    while True: files.append(open("/etc/passwd"))
except OSError as error: print(len(files), "files:", error.strerror)
'
      ${bcfs} run ${bc}/9 -- sh -c 'exit 42'; echo "exit $?"
      ${bcfs} run --set numtasks=1 ${bc}/7 -- echo 'one is enough'
      ${bcfs} run --set numtasks=0 ${bc}/7 -- echo 'none is not' 2>&1; echo "exit $?"
      cat ${bc}/7/numtasks/limit
    `);
    t.equal(stderr.replace(/^.*Killed.*\n/gm, ''), '');
    const lines = stdout.trimEnd().split('\n');
    t.match(lines[0], /^ *1 held 5$/);
    t.match(lines[1], /^ *16 refused$/, 'the command is one of the five');
    t.strictSame(lines.slice(2, 4), ['16', '5']);
    t.equal(lines[4], 'exit 137');
    t.ok(Number(lines[5]) >= 1);
    t.match(lines[6], /^40 files: Too many open files$/);
    t.strictSame(lines.slice(7), [
      'exit 42',
      'one is enough',
      `bcfs: ${bc}/7: cannot charge the command: numtasks of 7 is at its limit`,
      'exit 1',
      '1',
    ]);
    t.equal(code, 0);
  });
}

t.test('a session with limits', { ...needsFuse, ...needsCgroup }, async (t) => {
  const bc = await liveMount(t);
  const holds = (bytes: string) => `${python} -c 'x = "x" * (${bytes}); import time; time.sleep(100)'`;
  const { stdout, stderr, code } = await bash(`
    cd ${bc}
    within() { for i in {1..300}; do [ "$(cat $1)" -$2 $3 ] && return; read -t 0.1 <> <(:); done; cat $1; }
    mkdir 7; echo 30 > 7/numtasks/barrier; echo 30 > 7/numtasks/limit
    ${bcfs} run 7 -- bash -c ':(){ :|:& };:' 2>/dev/null; echo "exit $?"
    within 7/numtasks/failcnt ge 50 && within 7/numtasks/held le 30 && echo "in its box"
    echo 0 > 7/numtasks/barrier; echo 0 > 7/numtasks/limit
    for i in {1..50}; do
      [ $(cat 7/numtasks/held) = 0 ] && break
      ${bcfs} ps . | awk '$3 == 7 { print $1 }' | xargs -r kill -9 2>/dev/null
    done
    cat 7/numtasks/held
    [ $(cat 7/numtasks/maxheld) -le 30 ] && echo "and always was"
    mkdir 8; echo 25600 > 8/physpages/barrier; echo 25600 > 8/physpages/limit
    ${bcfs} run 8 -- ${python} -c 'bytearray(1 << 30)'; echo "exit $?"
    cat 8/physpages/failcnt
    ${bcfs} run 8 -- ${holds('50 << 20')} & hog=$!
    within 8/physpages/held gt 12800 && echo "holds what it may"
    echo 100 > 8/physpages/barrier; echo 100 > 8/physpages/limit
    cat 8/physpages/{barrier,limit}
    kill -0 $hog && echo "and lives"
    kill $hog; wait 2>/dev/null
    mkdir 9; echo 64 > 9/numfiles/barrier; echo 64 > 9/numfiles/limit
    cat 9/numfiles/limit; rmdir 7 8 9`);
  t.strictSame(
    { code, stderr: stderr.replace(/^.*(?:Killed|Terminated).*\n/gm, '').replace(/line \d+: /, '') },
    { code: 0, stderr: 'bash: echo: write error: Cannot allocate memory\n' },
  );
  t.strictSame(stdout.trimEnd().split('\n'), [
    'exit 0',
    'in its box',
    '0',
    'and always was',
    'exit 137',
    '1',
    'holds what it may',
    '100',
    '25600',
    'and lives',
    '64',
  ]);
});

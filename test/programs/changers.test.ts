import t from 'tap';
import { runTable } from '../fixtures/program-table.js';

const files = ['barrier', 'limit', 'held', 'maxheld', 'minheld', 'failcnt'];
const resources = ['kmemsize', 'numfiles', 'numtasks', 'physpages', 'privvmpages'];

/** What rm -r says of a beancounter, in the order of names. */
const refusals = [
  ...resources.flatMap((resource) => files.map((file) => `${resource}/${file}`)),
  ...['id', 'tasks', 'threads'],
]
  .map((path) => `rm: cannot remove '7/${path}': Operation not permitted\n`)
  .sort()
  .join('');

runTable(t, 'mkdir and rmdir', [
  {
    title: 'mkdir makes a beancounter, rmdir drops it',
    script: 'mkdir 8 && cat 8/id && rmdir 8; ls',
    stdout: '8\n0\n7\ndescription\n',
  },
  {
    title: 'mkdir -v, rmdir -v',
    script: 'mkdir -v 8; rmdir -v 8',
    stdout: "mkdir: created directory '8'\nrmdir: removing directory, '8'\n",
  },
  {
    title: 'mkdir of several',
    script: 'mkdir 8 9 10; ls; rmdir 8 9 10',
    stdout: '0\n10\n7\n8\n9\ndescription\n',
  },
  {
    title: 'mkdir of what is there',
    script:
      'mkdir 7; mkdir 0; mkdir description; mkdir 7/id; mkdir 7/numtasks; mkdir -p 7 && mkdir -p 7/numtasks',
    stderr: ['7', '0', 'description', '7/id', '7/numtasks']
      .map((path) => `mkdir: cannot create directory '${path}': File exists\n`)
      .join(''),
  },
  {
    title: 'mkdir of what is no id',
    script: "mkdir x 01 2147483648 1x ' 1' 1.0 +1 ./-1 $'1\\n'; ls",
    stdout: '0\n7\ndescription\n',
    stderr: ['x', '01', '2147483648', '1x', ' 1', '1.0', '+1', './-1']
      .map((path) => `mkdir: cannot create directory '${path}': Invalid argument\n`)
      .join('')
      .concat("mkdir: cannot create directory '1\\n': Invalid argument\n"),
  },
  {
    title: 'mkdir of the largest id',
    script: 'mkdir 2147483647 && cat 2147483647/id && rmdir 2147483647',
    stdout: '2147483647\n',
  },
  {
    title: 'mkdir in a beancounter and in a resource',
    script: 'mkdir 7/8; mkdir 7/numtasks/8; mkdir -p 7/8/9; mkdir 7/id/8; mkdir 8/9',
    code: 1,
    stderr:
      "mkdir: cannot create directory '7/8': Operation not permitted\n" +
      "mkdir: cannot create directory '7/numtasks/8': Operation not permitted\n" +
      "mkdir: cannot create directory '7/8': Operation not permitted\n" +
      "mkdir: cannot create directory '7/id/8': Not a directory\n" +
      "mkdir: cannot create directory '8/9': No such file or directory\n",
  },
  {
    title: 'mkdir -m is a chmod',
    script: 'mkdir -m 700 8 && stat -c %a 8 && rmdir 8; install -d -m 711 8 && stat -c %a 8 && rmdir 8',
    stdout: '700\n711\n',
  },
  {
    title: 'a name of 255 bytes is no id, one of 256 is too long',
    script:
      'mkdir $(printf %0255d 1) 2>&1 | sed s/0*1/NAME/; mkdir $(printf %0256d 1) 2>&1 | sed s/0*1/NAME/',
    stdout:
      "mkdir: cannot create directory 'NAME': Invalid argument\nmkdir: cannot create directory 'NAME': File name too long\n",
  },
  {
    title: 'rmdir of what came with the tree',
    script:
      'rmdir 0; rmdir 7/numtasks; rmdir 7/id; rmdir description; rmdir 8; rmdir .; rmdir ../${PWD##*/} 2> /dev/null',
    code: 1,
    stderr:
      "rmdir: failed to remove '0': Operation not permitted\n" +
      "rmdir: failed to remove '7/numtasks': Operation not permitted\n" +
      "rmdir: failed to remove '7/id': Not a directory\n" +
      "rmdir: failed to remove 'description': Not a directory\n" +
      "rmdir: failed to remove '8': No such file or directory\n" +
      "rmdir: failed to remove '.': Invalid argument\n",
  },
  {
    title: 'mktemp finds no name',
    script: 'mktemp -p 7; mktemp -d -p 7',
    code: 1,
    stderr:
      "mktemp: failed to create file via template '7/tmp.XXXXXXXXXX': Permission denied\n" +
      "mktemp: failed to create directory via template '7/tmp.XXXXXXXXXX': Operation not permitted\n",
  },
]);

runTable(t, 'rm', [
  {
    title: 'rm of files and directories',
    script: 'rm 7/id; rm -f 7/id; unlink 7/id; rm 7; rm -f 8; rm 8',
    code: 1,
    stderr:
      "rm: cannot remove '7/id': Operation not permitted\n".repeat(2) +
      "unlink: cannot unlink '7/id': Operation not permitted\n" +
      "rm: cannot remove '7': Is a directory\n" +
      "rm: cannot remove '8': No such file or directory\n",
  },
  {
    title: 'rm -r stops at the files, and takes nothing away',
    script: 'rm -r 7 2> $TMP/errors; echo $?; sort $TMP/errors >&2; find 7 | wc -l',
    stdout: '1\n39\n',
    stderr: refusals,
  },
]);

runTable(t, 'what a file or a directory is called', [
  {
    title: 'mv is refused, within and out',
    script: 'mv 7 8; mv 7/id 7/new; mv 7/id 7/tasks; mv 7/id $TMP/id; echo $?; cat 7/id',
    stdout: '1\n7\n',
    stderr:
      "mv: cannot move '7' to '8': Operation not permitted\n" +
      "mv: cannot move '7/id' to '7/new': Operation not permitted\n" +
      "mv: cannot move '7/id' to '7/tasks': Operation not permitted\n" +
      "mv: cannot remove '7/id': Operation not permitted\n",
  },
  {
    title: 'mv onto a file is refused, and both stay',
    script:
      'echo 1 > $TMP/1; mv $TMP/1 7/numtasks/barrier 2>&1 | sed "s|$TMP|TMP|"; cat $TMP/1 7/numtasks/barrier',
    stdout:
      "mv: inter-device move failed: 'TMP/1' to '7/numtasks/barrier'; unable to remove target: Operation not permitted\n" +
      '1\n128\n',
  },
  {
    title: 'links are refused',
    script:
      'ln 7/id 7/new; ln -s id 7/new; ln -s /tmp 8; ln -f 7/id 7/tasks; cp -l 7/id 7/new; cp -s $PWD/7/id 7/new 2> /dev/null',
    code: 1,
    stderr:
      "ln: failed to create hard link '7/new' => '7/id': Operation not permitted\n" +
      "ln: failed to create symbolic link '7/new': Operation not permitted\n" +
      "ln: failed to create symbolic link '8': Operation not permitted\n" +
      "ln: failed to create hard link '7/tasks' => '7/id': Operation not permitted\n" +
      "cp: cannot create hard link '7/new' to '7/id': Operation not permitted\n",
  },
  {
    title: 'pipes and devices are refused',
    script: 'mkfifo 7/pipe; mknod 7/null c 1 3; mknod 7/disk b 1 3; mkfifo 7/id',
    code: 1,
    stderr:
      "mkfifo: cannot create fifo '7/pipe': Operation not permitted\n" +
      'mknod: 7/null: Operation not permitted\n' +
      'mknod: 7/disk: Operation not permitted\n' +
      "mkfifo: cannot create fifo '7/id': File exists\n",
  },
]);

runTable(t, 'modes, owners, times, locks', [
  {
    title: 'touch of what is there; of what is not',
    script: 'touch 7/id 7 . && touch -c 7/new && touch 7/new new 8/new',
    code: 1,
    stderr:
      "touch: cannot touch '7/new': Permission denied\n" +
      "touch: cannot touch 'new': Permission denied\n" +
      "touch: cannot touch '8/new': No such file or directory\n",
  },
  {
    title: 'touch -d and -r set both times',
    script: `
      touch -d @1000 7/id; stat -c '%X %Y' 7/id; touch -r 7/id 7/tasks; stat -c %Y 7/tasks
      touch -d @4294967296 7; stat -c %Y 7`,
    stdout: '1000 1000\n1000\n4294967296\n',
  },
  {
    title: 'chmod stays, and root does not override what no mode allows',
    script: `
      chmod 600 7/id; chmod u+s,o+t 7; chmod 444 7/numtasks/limit; chmod 666 7/tasks; stat -c %a 7/id 7 7/numtasks/limit
      echo 1 > 7/numtasks/limit; cat 7/tasks; chmod u+w 7/numtasks/limit; echo 200 > 7/numtasks/limit && cat 7/numtasks/limit`,
    stdout: '600\n5755\n444\n200\n',
    stderr: 'bash: line 3: 7/numtasks/limit: Permission denied\ncat: 7/tasks: Permission denied\n',
  },
  {
    title: 'chown, chgrp stay, one without the other too',
    script: `
      chown 1:2 7/id; stat -c %u:%g 7/id; chown 3 7/id; stat -c %u:%g 7/id; chgrp 4 7/id; stat -c %u:%g 7/id
      chown -R 5:6 7; find 7 -uid 5 -gid 6 | wc -l; stat -c %a 7/id`,
    stdout: '1:2\n3:2\n3:4\n39\n444\n',
  },
  {
    title: 'flock works',
    script: 'flock 7/id echo locked; flock -n 7 flock -n 7 echo twice; echo $?',
    stdout: 'locked\n1\n',
  },
  {
    title: 'extended attributes and flags are not supported',
    script: 'lsattr 7/id; chattr +i 7/id',
    code: 1,
    stderr:
      'lsattr: Operation not supported While reading flags on 7/id\n' +
      'chattr: Operation not supported while reading flags on 7/id\n',
    needs: 'lsattr',
  },
]);

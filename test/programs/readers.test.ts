import t from 'tap';
import { runTable } from '../fixtures/program-table.js';

const description = 'Beancounters controll resource usage of task groups\n';

runTable(t, 'programs that read', [
  { title: 'cat of one file, and of several', script: 'cat description 7/id', stdout: `${description}7\n` },
  { title: 'cat of what is unlimited', script: 'cat 0/numfiles/limit', stdout: '9223372036854775807\n' },
  {
    title: 'cat of a resource: barrier, failcnt, held, limit, maxheld, minheld',
    script: 'cat 7/numfiles/*',
    stdout: '256\n0\n0\n512\n0\n0\n',
  },
  { title: 'cat of a directory', script: 'cat 7', code: 1, stderr: 'cat: 7: Is a directory\n' },
  {
    title: 'cat of what stores only',
    script: 'cat 7/tasks 7/threads',
    code: 1,
    stderr: 'cat: 7/tasks: Permission denied\ncat: 7/threads: Permission denied\n',
  },
  { title: 'cat of nothing', script: 'cat 7/x', code: 1, stderr: 'cat: 7/x: No such file or directory\n' },
  {
    title: 'head and tail, by bytes and by lines',
    script: `
      head -c 4 description; echo; tail -c 7 description; head -n 1 7/id; tail -n 1 7/id; tail -n +1 7/id
      head -n 0 7/id; tail -n +2 7/id`,
    stdout: 'Bean\ngroups\n7\n7\n7\n',
  },
  {
    title: 'head of several',
    script: 'head 7/id 7/numtasks/limit',
    stdout: '==> 7/id <==\n7\n\n==> 7/numtasks/limit <==\n128\n',
  },
  {
    title: 'wc counts what is there, not what stat says',
    script: 'wc 7/id 7/numtasks/limit; wc -c 7/numtasks/limit; wc -c < 7/numtasks/limit; wc -l < 7/id',
    stdout:
      '   1    1    2 7/id\n   1    1    4 7/numtasks/limit\n   2    2    6 total\n4 7/numtasks/limit\n4\n1\n',
  },
  {
    title: 'od, tac, rev, nl, cut, paste, sort, md5sum, cksum',
    script: `
      cd 7/numtasks; od -An -c limit; tac limit; rev limit; nl limit; cut -c 1-2 limit; paste limit held
      sort limit held; md5sum limit; cksum limit`,
    stdout:
      '   1   2   8  \\n\n128\n821\n     1\t128\n12\n128\t0\n0\n128\n' +
      '650a1c9c9baa20730b4fcfdbe4cdc135  limit\n2252751731 4 limit\n',
  },
  {
    title: 'dd in blocks of any size',
    script: `
      for bs in 1 2 3 4 5 4096 1M; do dd if=7/numtasks/limit bs=$bs status=none; done
      dd if=7/numtasks/limit bs=1 count=2 status=none; echo
      dd if=7/numtasks/limit bs=1 skip=1 count=1 status=none; echo
      dd if=7/numtasks/limit bs=1 skip=9 status=none
      dd if=7/numtasks/limit iflag=fullblock bs=2 2>&1 | head -n 3`,
    stdout: `${'128\n'.repeat(7)}12\n2\n128\n2+0 records in\n2+0 records out\n`,
  },
  {
    title: 'grep of a file, and its codes',
    script: 'grep 128 7/numtasks/limit; grep -c . 7/numtasks/limit; grep -q 127 7/numtasks/limit',
    code: 1,
    stdout: '128\n1\n',
  },
  {
    title: 'grep -r finds a value, and names what it cannot read',
    script: 'grep -r 128 . | sort',
    stdout: './7/numtasks/barrier:128\n./7/numtasks/limit:128\n',
    stderr: ['0/tasks', '0/threads', '7/tasks', '7/threads']
      .map((path) => `grep: ./${path}: Permission denied\n`)
      .join(''),
  },
  { title: 'sed prints', script: 'sed s/1/2/ 7/numtasks/limit; sed -n 1p 7/id', stdout: '228\n7\n' },
  {
    title: 'awk calculates',
    script: `awk '{ sum += $1 } END { print sum }' 7/numtasks/{barrier,limit}; awk '{ print FILENAME, $1 }' 7/id`,
    stdout: '256\n7/id 7\n',
  },
  {
    title: 'diff of files and of resources',
    script: 'diff 7/numtasks/barrier 7/numtasks/limit && diff 7/numtasks 7/numfiles',
    code: 1,
    stdout:
      'diff 7/numtasks/barrier 7/numfiles/barrier\n1c1\n< 128\n---\n> 256\n' +
      'diff 7/numtasks/limit 7/numfiles/limit\n1c1\n< 128\n---\n> 512\n',
  },
  {
    title: 'cmp and comm',
    script:
      'cmp 7/numtasks/barrier 7/numtasks/limit && comm -12 7/id 7/id; cmp -s 7/numtasks/limit 7/numfiles/limit',
    code: 1,
    stdout: '7\n',
  },
  {
    title: 'cp from the mount takes the value, not a page',
    script: 'cp 7/numtasks/limit $TMP/limit && cat $TMP/limit && stat -c %s $TMP/limit',
    stdout: '128\n4\n',
  },
  {
    title: 'cp --sparse and install take the value',
    script:
      'cp --sparse=always 7/id $TMP/sparse; install 7/id $TMP/installed; cat $TMP/sparse $TMP/installed',
    stdout: '7\n7\n',
  },
  {
    title: 'cp -r takes the tree, without what stores only',
    script: `
      cp -r 7 $TMP/tree; echo $?
      find $TMP/tree -type d | wc -l; find $TMP/tree -type f | wc -l; cat $TMP/tree/numfiles/limit`,
    stdout: '1\n6\n31\n512\n',
    stderr:
      "cp: cannot open '7/tasks' for reading: Permission denied\n" +
      "cp: cannot open '7/threads' for reading: Permission denied\n",
  },
  {
    title: 'cp -a takes the modes along',
    script: 'cp -a 7/numtasks $TMP/resource && stat -c "%a %n" $TMP/resource/{held,limit} | sed "s|$TMP/||"',
    stdout: '444 resource/held\n644 resource/limit\n',
  },
  {
    title: 'readlink, realpath',
    script: 'readlink 7/id; realpath --relative-to=. 7/../7/id; readlink -f 7 | sed "s|$PWD/||"',
    stdout: '7/id\n7\n',
  },
  { title: 'tail -f shows the value', script: 'timeout 1 tail -s 0.1 -f 7/id', code: 124, stdout: '7\n' },
  {
    title: 'xargs, source',
    script: 'xargs echo < 7/id; source <(sed s/^/x=/ 7/id); echo $x',
    stdout: '7\n7\n',
  },
]);

runTable(t, 'archives', [
  {
    title: 'tar reads every value, pads it to the size that stat says, and names what it cannot read',
    script: `
      tar cf $TMP/7.tar 7 2> $TMP/errors; echo $?
      grep -c 'File shrank by .* padding with zeros' $TMP/errors; grep -v shrank $TMP/errors
      tar xf $TMP/7.tar -C $TMP; find $TMP/7 -type f | wc -l; tr -d '\\0' < $TMP/7/numfiles/limit`,
    stdout:
      '2\n31\ntar: 7/tasks: Cannot open: Permission denied\ntar: 7/threads: Cannot open: Permission denied\n' +
      'tar: Exiting with failure status due to previous errors\n31\n512\n',
    needs: 'tar',
  },
  {
    title: 'rsync takes the values',
    script: 'rsync -a --exclude tasks --exclude threads 7/ $TMP/rsynced && cat $TMP/rsynced/numtasks/limit',
    stdout: '128\n',
    needs: 'rsync',
  },
]);

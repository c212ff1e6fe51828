import t from 'tap';
import { runTable } from '../fixtures/program-table.js';

runTable(t, 'programs that list', [
  { title: 'ls of the mount', script: 'ls', stdout: '0\n7\ndescription\n' },
  {
    title: 'ls of a beancounter, as on a terminal',
    script: 'ls -C -T 0 -w 80 7',
    stdout: 'id  kmemsize  numfiles  numtasks  physpages  privvmpages  tasks  threads\n',
  },
  {
    title: 'ls -a has . and .. once each',
    script: 'ls -a 7/numtasks',
    stdout: '.\n..\nbarrier\nfailcnt\nheld\nlimit\nmaxheld\nminheld\n',
  },
  {
    title: 'ls -F and ls -d',
    script: 'ls -F 7; ls -d 7 7/numtasks 7/id',
    stdout:
      'id\nkmemsize/\nnumfiles/\nnumtasks/\nphyspages/\nprivvmpages/\ntasks\nthreads\n7\n7/id\n7/numtasks\n',
  },
  {
    title: 'ls -l of the mount',
    script: `ls -l | awk '{ print $1, $2, $3, $4, $5, $NF }'`,
    stdout:
      'total 0    0\n' +
      'drwxr-xr-x 7 root root 0 0\n' +
      'drwxr-xr-x 7 root root 0 7\n' +
      '-r--r--r-- 1 root root 4096 description\n',
  },
  {
    title: 'ls -la of a beancounter',
    script: `ls -la 7 | awk 'NR > 1 { print $1, $2, $3, $4, $5, $NF }'`,
    stdout:
      'drwxr-xr-x 7 root root 0 .\n' +
      'drwxr-xr-x 4 root root 0 ..\n' +
      '-r--r--r-- 1 root root 4096 id\n' +
      'drwxr-xr-x 2 root root 0 kmemsize\n' +
      'drwxr-xr-x 2 root root 0 numfiles\n' +
      'drwxr-xr-x 2 root root 0 numtasks\n' +
      'drwxr-xr-x 2 root root 0 physpages\n' +
      'drwxr-xr-x 2 root root 0 privvmpages\n' +
      '--w------- 1 root root 4096 tasks\n' +
      '--w------- 1 root root 4096 threads\n',
  },
  {
    title: 'ls -l of a resource',
    script: `ls -l 7/physpages | awk 'NR > 1 { print $1, $2, $5, $NF }'`,
    stdout:
      '-rw-r--r-- 1 4096 barrier\n' +
      '-r--r--r-- 1 4096 failcnt\n' +
      '-r--r--r-- 1 4096 held\n' +
      '-rw-r--r-- 1 4096 limit\n' +
      '-r--r--r-- 1 4096 maxheld\n' +
      '-r--r--r-- 1 4096 minheld\n',
  },
  {
    title: 'the links of the mount are the beancounters and two',
    script: 'stat -c %h .; mkdir 8; stat -c %h .; rmdir 8; stat -c %h .',
    stdout: '4\n5\n4\n',
  },
  {
    title: 'ls -i is the same again, of a name and in its directory, and of no two files',
    script: `
      ls -iR > $TMP/once; ls -iR | cmp - $TMP/once && echo stable
      [ "$(ls -i 7 | awk '$2 == "id" { print $1 }')" = "$(stat -c %i 7/id)" ] && echo same
      find . -printf '%i\\n' | sort | uniq -d`,
    stdout: 'stable\nsame\n',
  },
  {
    title: 'a new directory of the same name has other inode numbers',
    script: 'a=$(stat -c %i 7); rmdir 7; mkdir 7; [ $a != $(stat -c %i 7) ] && echo other',
    stdout: 'other\n',
  },
  {
    title: 'ls of nothing',
    script: 'ls 8',
    code: 2,
    stderr: "ls: cannot access '8': No such file or directory\n",
  },
  {
    title: 'stat of each kind',
    script: "stat -c '%F %a %h %u:%g %s %b %o %n' 7 7/id 7/tasks 7/numtasks 7/numtasks/limit",
    stdout:
      'directory 755 7 0:0 0 0 4096 7\n' +
      'regular file 444 1 0:0 4096 0 4096 7/id\n' +
      'regular file 200 1 0:0 4096 0 4096 7/tasks\n' +
      'directory 755 2 0:0 0 0 4096 7/numtasks\n' +
      'regular file 644 1 0:0 4096 0 4096 7/numtasks/limit\n',
  },
  {
    title: 'stat has the time at which a beancounter was made',
    script:
      'now=$(date +%s); made=$(stat -c %Y 7/numtasks/limit); echo $((now - made < 10 && made - now < 2))',
    stdout: '1\n',
  },
  {
    title: 'stat -f',
    script: "stat -f -c '%s %S %b %f %a %c %d %l' .",
    stdout: '4096 4096 0 0 0 0 0 255\n',
  },
  {
    title: 'df names it and its type, and has no figures',
    script: 'df --output=source,fstype,size,used,avail,pcent . | tail -n +2',
    stdout: 'bcfs           fuse.bcfs         0     0     0    -\n',
  },
  {
    title: 'du finds nothing used',
    script: 'du -s .; du -a 7/numtasks/limit',
    stdout: '0\t.\n0\t7/numtasks/limit\n',
  },
  { title: 'du --inodes counts each once', script: 'du --inodes -s 7', stdout: '39\t7\n' },
  {
    title: 'mountpoint and findmnt know it',
    script: 'mountpoint -q . && mountpoint -q 7 || findmnt -n -o FSTYPE,SOURCE -T .',
    stdout: 'fuse.bcfs bcfs\n',
  },
]);

runTable(t, 'find', [
  {
    title: 'sees every file once, and no loop',
    script: 'find . -type d | wc -l; find . -type f | wc -l; find . | wc -l; find -L . | wc -l',
    stdout: '13\n67\n80\n80\n',
  },
  {
    title: 'by type and mode',
    script: 'find 7 -type d | sort; find 7 -perm 0200 | sort; find 7/numtasks -perm -u+w -type f | sort',
    stdout:
      '7\n7/kmemsize\n7/numfiles\n7/numtasks\n7/physpages\n7/privvmpages\n' +
      '7/tasks\n7/threads\n7/numtasks/barrier\n7/numtasks/limit\n',
  },
  {
    title: 'by name, size, links, inode and emptiness',
    script: `
      find 7 -name 'max*' | wc -l; find 7 -size 4096c | wc -l; find 7 -empty | wc -l; find . -maxdepth 1 -links 7 | sort
      find . -samefile 7/id`,
    stdout: '5\n33\n0\n./0\n./7\n./7/id\n',
  },
  {
    title: '-ls',
    script: `find 7/numfiles -ls | awk '{ print $2, $3, $4, $5, $6, $7, $NF }' | sort -k 7`,
    stdout:
      '0 drwxr-xr-x 2 root root 0 7/numfiles\n' +
      '0 -rw-r--r-- 1 root root 4096 7/numfiles/barrier\n' +
      '0 -r--r--r-- 1 root root 4096 7/numfiles/failcnt\n' +
      '0 -r--r--r-- 1 root root 4096 7/numfiles/held\n' +
      '0 -rw-r--r-- 1 root root 4096 7/numfiles/limit\n' +
      '0 -r--r--r-- 1 root root 4096 7/numfiles/maxheld\n' +
      '0 -r--r--r-- 1 root root 4096 7/numfiles/minheld\n',
  },
  {
    title: '-exec reads what it finds',
    script: "find 7 -name limit -exec cat '{}' + | sort -n",
    stdout: '128\n512\n65536\n9223372036854775807\n9223372036854775807\n',
  },
  {
    title: '-delete is refused from the leaves on',
    script: 'find 7/numtasks -name held -delete',
    code: 1,
    stderr: "find: cannot delete '7/numtasks/held': Operation not permitted\n",
  },
]);

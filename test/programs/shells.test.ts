import t from 'tap';
import { runTable } from '../fixtures/program-table.js';

runTable(t, 'bash', [
  {
    title: 'echo sets a value, and its newline is no part of it',
    script: 'echo 100 > 7/numtasks/barrier && cat 7/numtasks/barrier',
    stdout: '100\n',
  },
  {
    title: 'echo -n and printf set a value',
    script:
      'echo -n 101 > 7/numtasks/barrier; cat 7/numtasks/barrier; printf 102 > 7/numtasks/barrier; cat 7/numtasks/barrier',
    stdout: '101\n102\n',
  },
  {
    title: '>> sets a value as > does',
    script: 'echo 50 >> 7/numtasks/barrier && cat 7/numtasks/barrier',
    stdout: '50\n',
  },
  {
    title: 'a refused value is a write error of echo, and the old value stays',
    script: 'echo 500 > 7/numtasks/barrier; echo $?; cat 7/numtasks/barrier',
    stdout: '1\n128\n',
    stderr: 'bash: line 1: echo: write error: Invalid argument\n',
  },
  {
    title: 'a refused value is a write error of printf',
    script: 'printf 12x > 7/numtasks/barrier',
    code: 1,
    stderr: 'bash: line 1: printf: write error: Invalid argument\n',
  },
  {
    title: 'an empty line is refused',
    script: 'echo > 7/numtasks/barrier',
    code: 1,
    stderr: 'bash: line 1: echo: write error: Invalid argument\n',
  },
  {
    title: 'a redirection that writes nothing changes nothing',
    script: ': > 7/numtasks/barrier && > 7/numtasks/limit && cat 7/numtasks/barrier 7/numtasks/limit',
    stdout: '128\n128\n',
  },
  {
    title: 'a pid that does not exist is ESRCH',
    script: 'echo 4194305 > 7/tasks',
    code: 1,
    stderr: 'bash: line 1: echo: write error: No such process\n',
  },
  {
    title: 'the shell moves itself, and that charges nothing',
    script: 'mkdir 9; echo $$ > 9/tasks && cat 9/numtasks/held; rmdir 9',
    stdout: '0\n',
  },
  {
    title: 'a file that shows only is not opened for writing, by root either',
    script: 'echo 1 > 7/numtasks/held',
    code: 1,
    stderr: 'bash: line 1: 7/numtasks/held: Permission denied\n',
  },
  {
    title: 'a file that stores only is not opened for reading, by root either',
    script: 'read pid < 7/tasks',
    code: 1,
    stderr: 'bash: line 1: 7/tasks: Permission denied\n',
  },
  {
    title: 'a redirection makes no file',
    script: 'echo 1 > 7/new; echo 1 > new; echo 1 > 8/tasks',
    code: 1,
    stderr:
      'bash: line 1: 7/new: Permission denied\n' +
      'bash: line 1: new: Permission denied\n' +
      'bash: line 1: 8/tasks: No such file or directory\n',
  },
  {
    title: 'noclobber keeps the file',
    script:
      'set -o noclobber; echo 1 > 7/numtasks/barrier; echo 2 >| 7/numtasks/barrier; cat 7/numtasks/barrier',
    stdout: '2\n',
    stderr: 'bash: line 1: 7/numtasks/barrier: cannot overwrite existing file\n',
  },
  {
    title: 'read, $(<file) and a while loop read a value',
    script:
      'read a < 7/numtasks/limit; b=$(<7/numtasks/limit); while read c; do echo $a $b $c; done < 7/numtasks/limit',
    stdout: '128 128 128\n',
  },
  {
    title: 'a descriptor for both keeps what it read until it writes',
    script: `
      exec 3<> 7/numtasks/barrier
      read -N 2 -u 3 first; echo 60 > 7/numtasks/barrier; read -u 3 rest; echo $first $rest
      echo 61 >&3; cat 7/numtasks/barrier`,
    stdout: '12 8\n61\n',
  },
  {
    title: 'two lines to one descriptor are two stores',
    script: '{ echo 10; echo 11; } > 7/numtasks/barrier; cat 7/numtasks/barrier',
    stdout: '11\n',
  },
  {
    title: 'arithmetic on a value',
    script: 'echo $(($(<7/numtasks/limit) * 2)) > 7/numtasks/limit; cat 7/numtasks/limit',
    stdout: '256\n',
  },
  {
    title: 'globs match directories and files',
    script: 'echo *; echo 7/*/; echo 7/*/held; echo 7/x*',
    stdout:
      '0 7 description\n' +
      '7/kmemsize/ 7/numfiles/ 7/numtasks/ 7/physpages/ 7/privvmpages/\n' +
      '7/kmemsize/held 7/numfiles/held 7/numtasks/held 7/physpages/held 7/privvmpages/held\n' +
      '7/x*\n',
  },
  {
    title: 'test looks at types and modes',
    script: `
      for test in '-d 7' '-f 7' '-f 7/id' '-s 7/id' '-e 7/x' '-w 7/numtasks/limit' '-r 7/id' '-x 7/id' '-x 7'
      do [ $test ] && echo yes: $test || echo no: $test
      done`,
    stdout:
      'yes: -d 7\nno: -f 7\nyes: -f 7/id\nyes: -s 7/id\nno: -e 7/x\n' +
      'yes: -w 7/numtasks/limit\nyes: -r 7/id\nno: -x 7/id\nyes: -x 7\n',
  },
  {
    title: 'cd and pwd walk the tree',
    script: 'cd 7/numtasks && cat limit && cd ../numfiles && cat limit && cd ../.. && cat description',
    stdout: '128\n512\nBeancounters controll resource usage of task groups\n',
  },
  {
    title: 'a directory that was removed below a shell answers ENOENT',
    script: 'cd 7 && rmdir ../7; cat id; echo 1 > tasks; ls; mkdir x',
    code: 1,
    stderr:
      'cat: id: No such file or directory\n' +
      'bash: line 1: tasks: No such file or directory\n' +
      "ls: cannot open directory '.': No such file or directory\n" +
      "mkdir: cannot create directory 'x': No such file or directory\n",
  },
]);

runTable(t, 'dash', [
  {
    title: 'echo sets a value',
    script: "dash -c 'echo 62 > 7/numtasks/barrier; cat 7/numtasks/barrier'",
    stdout: '62\n',
    needs: 'dash',
  },
  {
    title: 'a refused value fails echo, in its own words',
    script: "dash -c 'echo 500 > 7/numtasks/barrier'",
    code: 1,
    stderr: 'dash: 1: echo: echo: I/O error\n',
    needs: 'dash',
  },
  {
    title: 'what may not be opened is not',
    script: "dash -c 'echo 1 > 7/numtasks/held'; dash -c 'read x < 7/tasks'; dash -c 'echo 1 > 7/new'",
    code: 2,
    stderr:
      'dash: 1: cannot create 7/numtasks/held: Permission denied\n' +
      'dash: 1: cannot open 7/tasks: Permission denied\n' +
      'dash: 1: cannot create 7/new: Permission denied\n',
    needs: 'dash',
  },
  {
    title: '>> and a descriptor for both',
    script:
      "dash -c 'echo 63 >> 7/numtasks/barrier; exec 3<> 7/numtasks/barrier; read x <&3; echo $x; echo 64 >&3; cat 7/numtasks/barrier'",
    stdout: '63\n64\n',
    needs: 'dash',
  },
]);

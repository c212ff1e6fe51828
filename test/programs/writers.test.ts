import t from 'tap';
import { runTable } from '../fixtures/program-table.js';

/** dd without its figures. */
const dd = (args: string) => `dd ${args} status=none`;

runTable(t, 'programs that write', [
  {
    title: 'tee sets one value, and several',
    script:
      'echo 63 | tee 7/numtasks/barrier; echo 64 | tee 7/{numtasks,numfiles}/barrier; cat 7/{numtasks,numfiles}/barrier',
    stdout: '63\n64\n64\n64\n',
  },
  {
    title: 'tee -a sets a value',
    script: 'echo 65 | tee -a 7/numtasks/barrier; cat 7/numtasks/barrier',
    stdout: '65\n65\n',
  },
  {
    title: 'tee names a refused value, and sets the others',
    script:
      'echo 300 | tee 7/numtasks/barrier 7/numfiles/limit; echo $?; cat 7/numtasks/barrier 7/numfiles/limit',
    stdout: '300\n1\n128\n300\n',
    stderr: 'tee: 7/numtasks/barrier: Invalid argument\n',
  },
  {
    title: 'dd sets a value, at the start and at any offset, truncating or not',
    script: `
      for args in '' conv=notrunc 'conv=notrunc oflag=append' 'seek=1 bs=3' 'seek=100 bs=3 conv=notrunc'; do
        echo $((n += 1)) > $TMP/n; ${dd('if=$TMP/n of=7/numtasks/barrier $args')} && cat 7/numtasks/barrier
      done`,
    stdout: '1\n2\n3\n4\n5\n',
  },
  {
    title: 'dd by single bytes makes each byte a store, and a newline alone is none',
    script: `echo 123 | ${dd('of=7/numtasks/barrier bs=1')}; echo $?; cat 7/numtasks/barrier`,
    stdout: '1\n3\n',
    stderr: "dd: error writing '7/numtasks/barrier': Invalid argument\n",
  },
  {
    title: 'dd by four bytes makes a number of three digits one store',
    script: `echo 123 | ${dd('of=7/numtasks/barrier bs=4')} && cat 7/numtasks/barrier`,
    stdout: '123\n',
  },
  {
    title: 'dd conv=fsync and conv=fdatasync have stored when they fail',
    script: `
      echo 10 | ${dd('of=7/numtasks/barrier conv=fsync')}; echo $?; cat 7/numtasks/barrier
      echo 11 | ${dd('of=7/numtasks/barrier conv=fdatasync')}; echo $?; cat 7/numtasks/barrier`,
    stdout: '1\n10\n1\n11\n',
    stderr: "dd: fsync failed for '7/numtasks/barrier': Invalid argument\n".repeat(2),
  },
  {
    title: 'dd oflag=sync stores',
    script: `echo 12 | ${dd('of=7/numtasks/barrier oflag=sync')}; cat 7/numtasks/barrier`,
    stdout: '12\n',
  },
  {
    title: 'dd of a refused value, and of zeros',
    script: `
      echo 500 | ${dd('of=7/numtasks/barrier')}
      ${dd('if=/dev/zero of=7/numtasks/barrier count=1')}; echo $?; cat 7/numtasks/barrier`,
    stdout: '1\n128\n',
    stderr:
      "dd: error writing '7/numtasks/barrier': Invalid argument\n" +
      "dd: writing to '7/numtasks/barrier': Invalid argument\n",
  },
  {
    title: 'sync of a file is refused as fsync is, sync of the file system is not',
    script: 'sync -f 7/id; sync 7/id',
    code: 1,
    stderr: "sync: error syncing '7/id': Invalid argument\n",
  },
  {
    title: 'cp onto a file sets the value',
    script: `
      echo 70 > $TMP/70; cp $TMP/70 7/numtasks/barrier && cat 7/numtasks/barrier
      cp 7/numtasks/barrier 7/numfiles/barrier && cat 7/numfiles/barrier`,
    stdout: '70\n70\n',
  },
  {
    title: 'cp -p sets the value and the times',
    script: `
      echo 71 > $TMP/71; touch -d @1000 $TMP/71; cp -p $TMP/71 7/numtasks/barrier
      cat 7/numtasks/barrier; stat -c '%a %Y' 7/numtasks/barrier`,
    stdout: '71\n644 1000\n',
  },
  {
    title: 'cp of a refused value',
    script: 'echo 500 > $TMP/500; cp $TMP/500 7/numtasks/barrier; echo $?; cat 7/numtasks/barrier',
    stdout: '1\n128\n',
    stderr: "cp: error writing '7/numtasks/barrier': Invalid argument\n",
  },
  {
    title: 'cp makes no file, and takes none away',
    script: 'echo 1 > $TMP/1; cp $TMP/1 7/new; cp $TMP/1 7/numtasks/held; cp -f $TMP/1 7/numtasks/held',
    code: 1,
    stderr:
      "cp: cannot create regular file '7/new': Permission denied\n" +
      "cp: cannot create regular file '7/numtasks/held': Permission denied\n" +
      "cp: cannot remove '7/numtasks/held': Operation not permitted\n",
  },
  {
    title: 'cp -r of a tree makes the beancounter, and stops at what came with it',
    script: 'mkdir -p $TMP/8/numtasks; cp -r $TMP/8 .; echo $?; cat 8/id; rmdir 8',
    stdout: '1\n8\n',
    stderr: "cp: cannot create directory './8/numtasks': File exists\n",
  },
  {
    title: 'install would take the file away first',
    script: 'echo 1 > $TMP/1; install $TMP/1 7/numtasks/barrier',
    code: 1,
    stderr: "install: cannot remove '7/numtasks/barrier': Operation not permitted\n",
  },
  {
    title: 'sed -i would make a file, and is refused',
    script:
      "sed -i s/1/2/ 7/numtasks/limit 2> $TMP/error; echo $?; sed 's/sed......:/sedXXXXXX:/' $TMP/error; cat 7/numtasks/limit",
    stdout: "4\nsed: couldn't open temporary file 7/numtasks/sedXXXXXX: Permission denied\n128\n",
  },
  {
    title: 'sed w, awk > and sort -o set a value',
    script: `
      sed -n 'w 7/numtasks/barrier' 7/id; cat 7/numtasks/barrier
      awk '{ print 5 > "7/numtasks/barrier" }' 7/id; cat 7/numtasks/barrier
      sort -o 7/numtasks/barrier 7/id; cat 7/numtasks/barrier`,
    stdout: '7\n5\n7\n',
  },
  {
    title: 'more than one line in one write is refused',
    script: 'seq 3 > 7/numtasks/barrier',
    code: 1,
    stderr: 'seq: write error: Invalid argument\n',
  },
  {
    title: 'truncate changes nothing, whatever the size',
    script:
      'for size in 0 1 4096 10000; do truncate -s $size 7/numtasks/limit || echo $?; done; cat 7/numtasks/limit; stat -c %s 7/numtasks/limit',
    stdout: '128\n4096\n',
  },
  {
    title: 'truncate needs a file that stores',
    script: 'truncate -s 0 7/numtasks/held; truncate -s 0 7/new; truncate -s 0 7',
    code: 1,
    stderr:
      "truncate: cannot open '7/numtasks/held' for writing: Permission denied\n" +
      "truncate: cannot open '7/new' for writing: Permission denied\n" +
      "truncate: cannot open '7' for writing: Is a directory\n",
  },
  {
    title: 'fallocate is not supported',
    script: 'fallocate -l 10 7/numtasks/limit',
    code: 1,
    stderr: 'fallocate: fallocate failed: Operation not supported\n',
  },
  {
    title: 'shred is refused, and the value stays',
    script: 'shred -n 1 7/numtasks/limit; echo $?; cat 7/numtasks/limit',
    stdout: '1\n128\n',
    stderr: 'shred: 7/numtasks/limit: error writing at offset 0: Invalid argument\n',
  },
  {
    title: 'leading zeros fit as long as 4,095 bytes hold the number',
    script: 'printf %04095d 77 > 7/numtasks/barrier; cat 7/numtasks/barrier',
    stdout: '77\n',
  },
]);

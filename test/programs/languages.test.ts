import t from 'tap';
import { python } from '../fixtures/python.js';
import { runTable } from '../fixtures/program-table.js';

/** A Python script that prints what each of its calls gives, or its errno. */
const inPython = (calls: string) => `${python} - <<'EOF'
import errno, os, shutil

def put(path, text, mode='w'):
    with open(path, mode) as file:
        return file.write(text)

def get(path):
    with open(path) as file:
        return file.read()

def tell(call):
    try:
        print(repr(call()))
    except OSError as error:
        print(errno.errorcode[error.errno])

${calls
  .trim()
  .split('\n')
  .map((call) => `tell(lambda: (${call.trim()}))`)
  .join('\n')}
EOF
`;

runTable(t, 'Python', [
  {
    title: 'reads and lists',
    needs: 'python3',
    script: inPython(`
      get('7/numtasks/limit')
      int(get('0/numfiles/limit'))
      sorted(os.listdir('7'))
      sorted((entry.name, entry.is_dir(), entry.inode() == os.stat(entry.path).st_ino) for entry in os.scandir('.'))
      sum(len(files) for _, _, files in os.walk('.'))
      get('7/tasks')
      get('8/id')
    `),
    stdout:
      "'128\\n'\n9223372036854775807\n" +
      "['id', 'kmemsize', 'numfiles', 'numtasks', 'physpages', 'privvmpages', 'tasks', 'threads']\n" +
      "[('0', True, True), ('7', True, True), ('description', False, True)]\n67\nEACCES\nENOENT\n",
  },
  {
    title: 'writes in every mode',
    needs: 'python3',
    script: inPython(`
      put('7/numtasks/barrier', '41\\n'), get('7/numtasks/barrier')
      put('7/numtasks/barrier', '42', 'a'), get('7/numtasks/barrier')
      put('7/numtasks/barrier', '43', 'r+'), get('7/numtasks/barrier')
      put('7/numtasks/barrier', b'44', 'w+b'), get('7/numtasks/barrier')
      put('7/numtasks/barrier', '45', 'x')
      put('7/numtasks/barrier', '500')
      put('7/numtasks/held', '1')
      put('7/new', '1')
      get('7/numtasks/barrier')
    `),
    stdout:
      "(3, '41\\n')\n(2, '42\\n')\n(2, '43\\n')\n(2, '44\\n')\nEEXIST\nEINVAL\nEACCES\nEACCES\n'44\\n'\n",
  },
  {
    title: 'writes without a buffer',
    needs: 'python3',
    script: inPython(`
      os.write(os.open('7/numtasks/barrier', os.O_WRONLY), b'0' * 4094 + b'9' + b'x' * 100), get('7/numtasks/barrier')
      os.write(os.open('7/numtasks/barrier', os.O_WRONLY), b'9' * 20000)
      os.writev(os.open('7/numtasks/barrier', os.O_WRONLY), [b'1', b'2']), get('7/numtasks/barrier')
      os.pwrite(os.open('7/numtasks/barrier', os.O_WRONLY), b'13', 1 << 40), get('7/numtasks/barrier')
      os.sendfile(os.open('7/numtasks/barrier', os.O_WRONLY), os.open('7/id', os.O_RDONLY), None, 100), get('7/numtasks/barrier')
      os.write(os.open('7/numtasks/barrier', os.O_WRONLY), b'')
    `),
    stdout: "(4095, '9\\n')\nEINVAL\n(2, '12\\n')\n(2, '13\\n')\n(2, '7\\n')\n0\n",
  },
  {
    title: 'makes, removes and moves',
    needs: 'python3',
    script: inPython(`
      os.mkdir('8')
      os.makedirs('8', exist_ok=True)
      os.mkdir('8')
      os.rmdir('8')
      os.rmdir('0')
      shutil.rmtree('7')
      os.rename('7', '8')
      os.symlink('7', '8')
      os.link('7/id', '7/new')
      os.unlink('7/id')
      os.mkfifo('7/new')
      os.path.exists('7'), os.path.exists('8')
    `),
    stdout: 'None\nNone\nEEXIST\nNone\nEPERM\nEPERM\nEPERM\nEPERM\nEPERM\nEPERM\nEPERM\n(True, False)\n',
  },
  {
    title: 'shutil copies from, onto and within the mount',
    needs: 'python3',
    script: inPython(`
      os.path.basename(shutil.copyfile('7/numtasks/limit', os.environ['TMP'] + '/limit'))
      shutil.copyfile(os.environ['TMP'] + '/limit', '7/numtasks/barrier')
      shutil.copy('7/id', '7/numfiles/barrier'), get('7/numfiles/barrier')
      os.path.basename(shutil.copytree('7/numtasks', os.environ['TMP'] + '/numtasks'))
      get(os.environ['TMP'] + '/numtasks/limit')
      shutil.disk_usage('.')
    `),
    stdout:
      "'limit'\n'7/numtasks/barrier'\n('7/numfiles/barrier', '7\\n')\n'numtasks'\n'128\\n'\nusage(total=0, used=0, free=0)\n",
  },
]);

/** A Node program that prints what each of its calls gives, or its message. */
const node = (calls: string) => `node --input-type=commonjs - <<'EOF'
const fs = require('node:fs');
for (const call of [${calls
  .trim()
  .split('\n')
  .map((call) => `() => ${call.trim()}`)
  .join(', ')}]) {
  try {
    console.log(JSON.stringify(call()));
  } catch (error) {
    console.log(error.message);
  }
}
EOF
`;

runTable(t, 'Node', [
  {
    title: 'reads and lists',
    script: node(`
      fs.readFileSync('7/numtasks/limit', 'utf8')
      fs.readdirSync('7').sort()
      fs.readdirSync('.', { withFileTypes: true }).map((entry) => [entry.name, entry.isDirectory()]).sort()
      fs.readdirSync('7', { recursive: true }).length
      fs.statSync('7/id').size
      [fs.existsSync('7'), fs.existsSync('8')]
      fs.readFileSync('7/tasks')
      fs.readFileSync('8/id')
    `),
    stdout:
      '"128\\n"\n' +
      '["id","kmemsize","numfiles","numtasks","physpages","privvmpages","tasks","threads"]\n' +
      '[["0",true],["7",true],["description",false]]\n38\n4096\n[true,false]\n' +
      "EACCES: permission denied, open '7/tasks'\n" +
      "ENOENT: no such file or directory, open '8/id'\n",
  },
  {
    title: 'writes',
    script: node(`
      fs.writeFileSync('7/numtasks/barrier', '33\\n') ?? fs.readFileSync('7/numtasks/barrier', 'utf8')
      fs.appendFileSync('7/numtasks/barrier', '34') ?? fs.readFileSync('7/numtasks/barrier', 'utf8')
      fs.writeFileSync('7/numtasks/barrier', '500')
      fs.writeFileSync('7/numtasks/held', '1')
      fs.writeFileSync('7/new', '1')
    `),
    stdout:
      '"33\\n"\n"34\\n"\nEINVAL: invalid argument, write\n' +
      "EACCES: permission denied, open '7/numtasks/held'\nEACCES: permission denied, open '7/new'\n",
  },
  {
    title: 'makes and removes; its rm tries rmdir, and so drops a beancounter',
    script: node(`
      [fs.mkdirSync('8'), fs.mkdirSync('8', { recursive: true }), fs.rmdirSync('8')]
      fs.mkdirSync('x')
      fs.mkdirSync('7/8')
      fs.rmdirSync('0')
      fs.unlinkSync('7/id')
      fs.renameSync('7', '8')
      fs.rmSync('7', { recursive: true }) ?? fs.readdirSync('.').sort()
    `),
    stdout:
      "[null,null,null]\nEINVAL: invalid argument, mkdir 'x'\nEPERM: operation not permitted, mkdir '7/8'\n" +
      "EPERM: operation not permitted, rmdir '0'\nEPERM: operation not permitted, unlink '7/id'\n" +
      'EPERM: operation not permitted, rename \'7\' -> \'8\'\n["0","description"]\n',
  },
]);

runTable(t, 'Perl', [
  {
    title: 'reads, writes, lists',
    needs: 'perl',
    script: `perl -we '
      open my $id, "<", "7/id" or die; print <$id>;
      open my $limit, ">", "7/numtasks/barrier" or die; print $limit 500; close $limit or print "$!\\n";
      print join(" ", sort glob "7/num*"), "\\n"; mkdir "x" or print "$!\\n"; rmdir "7/numtasks" or print "$!\\n"'`,
    stdout: '7\nInvalid argument\n7/numfiles 7/numtasks\nInvalid argument\nOperation not permitted\n',
  },
  {
    title: '-i would make a file, and is refused',
    needs: 'perl',
    script: 'perl -i -pe s/1/2/ 7/numtasks/limit; cat 7/numtasks/limit',
    stdout: '128\n',
    stderr: "Can't do inplace edit on 7/numtasks/limit: Cannot make temp name: Permission denied.\n",
  },
]);

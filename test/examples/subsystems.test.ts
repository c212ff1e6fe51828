import { readdir } from 'node:fs/promises';
import t from 'tap';
import { bash } from '../fixtures/command.js';
import { mountpoints, needsFuse } from '../fixtures/mounted.js';
import { mountExample, runExample } from './example.js';

interface Example {
  readonly name: string;
  /** What it prints without a mountpoint. */
  readonly printed: string;
  /** What its operators do on the mount, and what they see, stderr after stdout. */
  readonly script: string;
  readonly seen: string;
  /** What it says meanwhile. */
  readonly said: string;
}

const examples: readonly Example[] = [
  {
    name: '01-childless',
    printed: `\
0755 /
0444 /showme: 0
0644 /storeme: 0
0444 /description: A subsystem whose directory has files and no children.
`,
    script: `
      ls
      cat showme showme description
      echo 7 > storeme; cat storeme
      echo -12 > storeme; cat storeme
      exec 2>&1
      echo seven > storeme
      echo 1 > showme
      mkdir child
      cat storeme
    `,
    seen: `\
description
showme
storeme
0
1
A subsystem whose directory has files and no children.
7
-12
bash: line 7: echo: write error: Invalid argument
bash: line 8: showme: Permission denied
mkdir: cannot create directory 'child': Operation not permitted
-12
`,
    said: '',
  },
  {
    name: '02-simple-children',
    printed: `\
0755 /
0755 /one/
0644 /one/storeme: 0
0755 /two/
0644 /two/storeme: 2
0444 /description: A group of items with one number each.
dropped two, which held 2
`,
    script: `
      mkdir one two
      ls * -d
      cat one/storeme description
      echo 5 > two/storeme
      rmdir two
      ls
      exec 2>&1
      mkdir .hidden
      mkdir one/more
      echo five > one/storeme
    `,
    seen: `\
description
one
two
0
A group of items with one number each.
description
one
mkdir: cannot create directory '.hidden': Invalid argument
mkdir: cannot create directory 'one/more': Operation not permitted
bash: line 11: echo: write error: Invalid argument
`,
    said: 'dropped two, which held 5\n',
  },
  {
    name: '03-group-children',
    printed: `\
mkdir shelf/three: Cannot allocate memory
0755 /
0755 /shelf/
0755 /shelf/limits/
0644 /shelf/limits/items: 3
0755 /shelf/one/
0644 /shelf/one/storeme: 0
0755 /shelf/two/
0644 /shelf/two/storeme: 0
0755 /shelf/three/
0644 /shelf/three/storeme: 0
0444 /shelf/description: A group of items with one number each.
0444 /description: A group of groups of items.
rmdir shelf: Directory not empty
`,
    script: `
      mkdir shelf shelf/one shelf/two
      ls shelf
      exec 2>&1
      mkdir shelf/three
      echo three > shelf/limits/items
      echo 3 > shelf/limits/items
      mkdir shelf/three && echo 3 > shelf/three/storeme && cat shelf/three/storeme
      rmdir shelf/limits
      rmdir shelf
      rmdir shelf/* 
      rmdir shelf && ls
    `,
    seen: `\
description
limits
one
two
mkdir: cannot create directory 'shelf/three': Cannot allocate memory
bash: line 6: echo: write error: Invalid argument
3
rmdir: failed to remove 'shelf/limits': Operation not permitted
rmdir: failed to remove 'shelf': Directory not empty
rmdir: failed to remove 'shelf/description': Not a directory
rmdir: failed to remove 'shelf/limits': Operation not permitted
description
`,
    said: 'dropped one, which held 0\ndropped three, which held 3\ndropped two, which held 0\n',
  },
];

for (const { name, printed, script, seen, said } of examples) {
  t.test(`${name} prints its tree`, async (t) => {
    t.strictSame(await runExample(name), { code: 0, stdout: printed, stderr: '' });
  });

  t.test(`${name} serves its tree until SIGINT`, needsFuse, async (t) => {
    const example = await mountExample(t, name);
    const { stdout } = await bash(script, { cwd: example.mountpoint });
    t.equal(stdout, seen);
    const ended = await example.end('SIGINT');
    t.strictSame(ended, { code: 0, stdout: `mounted on ${example.mountpoint}; end with ^C\n${said}` });
    t.strictSame(mountpoints(example.mountpoint), []);
    t.strictSame(await readdir(example.mountpoint), []);
  });

  t.test(`${name} says in a line why it cannot be mounted`, needsFuse, async (t) => {
    const { code, stdout, stderr } = await runExample(name, '/nowhere/at/all');
    t.strictSame({ code, stdout }, { code: 1, stdout: '' });
    t.match(stderr, /^\/nowhere\/at\/all: no such mountpoint.*\n$/);
  });
}

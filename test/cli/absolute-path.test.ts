import t from 'tap';
import { absolutePath } from '../../lib/cli/absolute-path.js';

t.test('a relative path is one in the current directory, and its .. stay', (t) => {
  t.equal(absolutePath('l/../x'), `${process.cwd()}/l/../x`);
  t.equal(absolutePath('/a/../b'), '/a/../b');
  t.equal(absolutePath(''), '');
  t.end();
});

t.test('where the current directory is gone, the command ends with one line', (t) => {
  t.intercept(process, 'cwd', {
    value: () => {
      throw new Error('uv_cwd');
    },
  });
  t.intercept(process, 'exit', {
    value: (code: number) => {
      throw new Error(`exit ${code}`);
    },
  });
  const written: string[] = [];
  t.intercept(process.stderr, 'write', { value: (text: string) => written.push(text) });
  t.throws(() => absolutePath('x'), { message: 'exit 10' });
  t.strictSame(written, ['bcfs: x: the current directory is gone\n']);
  t.end();
});

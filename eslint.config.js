import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import ts from 'typescript-eslint';

/** Who may import whom in lib: what a folder may not reach. docs/design.md says why. */
const walls = {
  bc: ['configfs', 'nodes', 'fuse', 'host', 'cli'],
  configfs: ['bc', 'nodes', 'fuse', 'host', 'cli'],
  nodes: ['fuse', 'host', 'cli'],
  fuse: ['bc', 'nodes', 'host', 'cli'],
  host: ['configfs', 'nodes', 'fuse', 'cli'],
};

const zones = [
  ...Object.entries(walls).flatMap(([from, others]) =>
    others.map((other) => ({ target: `./lib/${from}`, from: `./lib/${other}` })),
  ),
  ...Object.keys(walls).map((folder) => ({ target: `./lib/${folder}`, from: './lib/index.ts' })),
];

export default ts.config(
  { ignores: ['dist', '.tap', 'node_modules'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { 'import-x': importX },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // `number | Errno` says more than `number`.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/no-duplicate-type-constituents': 'off',
    },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/fuse/fuse-native.ts'],
    rules: {
      'no-restricted-imports': ['error', { paths: ['fuse-native', 'fuse-shared-library'] }],
    },
  },
  {
    files: ['lib/bc/**/*.ts', 'lib/configfs/**/*.ts', 'lib/nodes/**/*.ts'],
    ignores: ['lib/configfs/tree.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*'], message: 'The engine and the tree do no I/O.' }] },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    // tap waits for its own subtests.
    rules: {
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['**/*.js', 'bin/*'],
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
);

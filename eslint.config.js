import js from '@eslint/js';
import ts from 'typescript-eslint';

/** Who may import whom in lib: what each folder may not reach. docs/design.md says why. */
const walls = {
  bc: ['configfs', 'nodes', 'fuse', 'host', 'cli'],
  configfs: ['bc', 'nodes', 'fuse', 'host', 'cli'],
  nodes: ['fuse', 'host', 'cli'],
  fuse: ['bc', 'nodes', 'host', 'cli'],
  host: ['configfs', 'nodes', 'fuse', 'cli'],
  cli: [],
};

/** The engine and the nodes do no I/O; the tree needs the numbers of node:fs alone. */
const pure = { bc: ['node:*'], nodes: ['node:*'], configfs: ['node:*', '!node:fs'] };

const oneTransport = {
  group: ['fuse-native', 'fuse-shared-library*'],
  message: 'lib/fuse/fuse-native.ts alone knows it.',
};

const restrict = (...patterns) => ['error', { patterns: [oneTransport, ...patterns] }];

const wallRules = Object.entries(walls).map(([folder, others]) => ({
  files: [`lib/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': restrict(
      {
        group: ['**/lib/index.js', '../index.js', '../../index.js'],
        message: 'The public API is for programs.',
      },
      ...(others.length > 0
        ? [{ group: others.map((other) => `**/${other}/**`), message: `${folder} does not know them.` }]
        : []),
      ...(pure[folder] ? [{ group: pure[folder], message: `${folder} does no I/O.` }] : []),
    ),
  },
}));

export default ts.config(
  { ignores: ['dist', '.tap', 'node_modules'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // `number | Errno` says more than `number`.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/no-duplicate-type-constituents': 'off',
    },
  },
  ...wallRules,
  {
    files: ['test/**/*.ts'],
    // tap waits for its own subtests.
    rules: {
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['**/*.js', 'bin/bcfs'],
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
);

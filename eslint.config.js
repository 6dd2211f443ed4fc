import tseslint from 'typescript-eslint';

export default tseslint.config(
  // Applications as others write them, examples/adoption, are written by the rules of others.
  {
    ignores: [
      '**/dist/',
      '**/dist.*/',
      'coverage/',
      'screenshots/',
      'site/',
      '.cache/',
      'examples/adoption/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['vitest.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // What a callback reports is handed on as it is: `(error) => reject(error)`.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // `(resolve) => resolve(x)` and `() => next()` read well and return nothing.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `declare global { namespace Express … }` is how Express lets a package type its request.
      '@typescript-eslint/no-namespace': ['error', { allowDeclarations: true }],
      // An `async` method without `await` turns its throws into rejections, as its interface promises.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Express's request is an interface over Node's class, so every hand-over to Node would be reported.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Codes and secrets are ASCII; `[...text]` is their list of characters.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
    },
  },
  {
    files: ['src/storage/sql/**'],
    rules: {
      // PostgreSQL's driver returns bigint as string, whatever the column's type says.
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      // Kysely's expression builders are made to be taken apart: `({ exists, not }) => …`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Programs that talk to a person at a terminal.
    files: ['examples/**', 'scripts/**', 'src/cli/**', 'bench/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**'],
    rules: {
      // A missing element fails the assertion after it, which is what a test is for.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // supertest's `response.body` is `any`; the assertion that follows is its check.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // Test doubles take a function out of an object to put another one around it.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Plain Node without types.
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
  },
);

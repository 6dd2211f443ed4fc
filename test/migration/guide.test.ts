import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cwd = `${root}examples/migration`;
const guide = readFileSync(`${root}docs/migrating-an-otplib-app.md`, 'utf8');

/** What stands on the page as this language. */
const block = (language: string): string | undefined =>
  new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(guide)?.[1];

it('the guide shows how the two applications differ, and that is little', () => {
  const files = ['before/app.js', 'after/app.js'];
  const labels = files.flatMap((file) => ['--label', file]);
  const { stdout } = spawnSync('diff', ['-u', ...labels, ...files], { cwd, encoding: 'utf8' });
  // Prettier takes the space off lines that are empty in both.
  expect(block('diff')).toBe(stdout.replaceAll(/^ $/gm, ''));
  expect(stdout.match(/^\+(?!\+)./gm)).toHaveLength(10);
});

it('the guide shows the options as they are', () => {
  expect(block('js')).toBe(readFileSync(`${cwd}/after/second-factor.config.js`, 'utf8'));
});

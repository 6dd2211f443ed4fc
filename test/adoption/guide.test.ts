import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { root } from './application.js';

const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const guide = read('docs/adopting.md');

/** How the two versions of an application differ, whole folders compared, without lines around. */
function compare(folder: string): string[] {
  const cwd = `${root}examples/adoption/${folder}`;
  const { status, stdout } = spawnSync('diff', ['-rN', '-U0', 'before', 'after'], { cwd, encoding: 'utf8' });
  expect(status).toBe(1);
  return changesOf(stdout);
}

/** Lines of a diff that say something: an empty one is no work. */
function changesOf(diff: string): string[] {
  return diff.split('\n').filter((line) => /^[+-].*\S/.test(line) && !/^(---|\+\+\+) /.test(line));
}

const folders = ['express-4-ejs', 'express-5-postgres', 'password-and-oauth2'];

describe.each(folders)('the guide, of %s', (folder) => {
  const diff = compare(folder);

  it('says how many lines were added, and how many of before were changed', () => {
    const row = new RegExp(`^\\| \\[[^\\]]+\\]\\([^)]*/${folder}\\) .*\\| (\\d+) +\\| (\\d+) +\\|$`, 'm');
    const [, added, changed] = row.exec(guide) ?? [];
    const count = (sign: string): string => String(diff.filter((line) => line.startsWith(sign)).length);
    expect([added, changed]).toEqual([count('+'), count('-')]);
  });

  it('counts lines as people write them: none is longer than 80 characters or holds two statements', () => {
    for (const line of diff.filter((each) => each.startsWith('+'))) {
      expect(line.length).toBeLessThanOrEqual(81);
      expect(line).not.toMatch(/; *\S/);
    }
  });
});

it('the README says how many they were', () => {
  const counts = folders.map((folder) => compare(folder).length);
  const [few, many] = [Math.min(...counts), Math.max(...counts)].map(String);
  expect(read('README.md').replaceAll('\n', ' ')).toContain(
    `took ${few!} or ${many!} added lines, and none changed`,
  );
});

it('the guide shows the whole difference of one of them', () => {
  const [, shown = ''] = /^```diff\n([^]*?)^```$/m.exec(guide) ?? [];
  expect(changesOf(shown)).toEqual(compare('express-5-postgres'));
});

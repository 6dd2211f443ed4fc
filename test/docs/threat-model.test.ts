import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { createHost, wrongCodes } from '../helpers/host.js';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');
const list = (folder: string, end: string): string[] =>
  readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => `${folder}/${name}`);
const page = read('docs/threat-model.md');

/** How many items there are: requirements held against us, and how others failed. */
const counts = { Q: 12, H: 6, G: 10, D: 6, E: 7, L: 8, W: 16, T: 5 };

/** What may be missing yet; whoever builds it takes it off this list and off the page. */
const notThere = ['Q11'];

interface Item {
  id: string;
  rule: string;
  tests: { path: string; title: string }[];
  missing: string;
}

const items: Item[] = [...page.matchAll(/^\| ([A-Z]\d+) +\|(.+)\|$/gm)].map(([, id = '', rest = '']) => {
  const [, , rule = '', tests = '', missing = ''] = rest.split(' |').map((cell) => cell.trim());
  const named = [...tests.matchAll(/`(test\/[\w/.-]+)` “([^”]+)”/g)];
  return {
    id,
    rule,
    tests: named.map(([, path = '', title = '']) => ({ path, title })),
    missing: missing === '–' ? '' : missing,
  };
});

/** First arguments of `it`, `describe` and their `each`, as they are written. */
function titlesOf(path: string): Set<string> {
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [title] = node.arguments;
      const isTest = /^(it|describe)\b/.test(node.expression.getText());
      if (isTest && title && ts.isStringLiteralLike(title)) titles.add(title.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true));
  return titles;
}

describe('the threat model', () => {
  it('has the figures that the settings lead to', () => {
    const { status, stderr } = spawnSync('node', ['scripts/threat-model.mjs', '--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('counts the guesses of an owner’s absence as the real thing does', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const begin = host.clock();
    let guesses = 0;
    for (;;) {
      const verdict = await host.secondFactor.service.verify('ada', wrongCodes(factor, 1)[0]!);
      if (verdict.kind === 'suspended') break;
      if (verdict.kind === 'delayed') host.clock.advance(verdict.until - host.clock());
      else guesses += 1;
    }
    const hours = Number(((host.clock() - begin) / 3_600_000).toFixed(1));
    const text = page.replace(/ +\|/g, ' |');
    expect(text).toContain(`| never | as fast as answers are looked at | ${String(guesses)} | the cap |`);
    expect(text).toContain(`TOTP codes suspended, since ${String(hours)} h after the first guess |`);
  });

  it('has every item once', () => {
    const ids = Object.entries(counts).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, index) => letter + String(index + 1)),
    );
    expect(items.map(({ id }) => id)).toEqual(ids);
  });

  it('has a test for every item, or says what is not there yet', () => {
    expect(items.filter(({ missing }) => missing !== '').map(({ id }) => id)).toEqual(notThere);
    for (const { id, tests, missing } of items) expect(tests.length > 0 || missing !== '', id).toBe(true);
  });

  it('names a rule of ours for every item, where there is one', () => {
    for (const { id, rule } of items) expect(rule, id).toMatch(/^(–|R\d+(, R\d+)*)$/);
    const rules = [...read('docs/changing-a-rule.md').matchAll(/^\| (R\d+(?:, R\d+)*) /gm)];
    const known = new Set(rules.flatMap(([, names = '']) => names.split(', ')));
    for (const { id, rule } of items) {
      if (rule !== '–') for (const name of rule.split(', ')) expect(known, `${id}: ${name}`).toContain(name);
    }
  });

  it('names tests that are there', () => {
    for (const { id, tests } of items) {
      for (const { path, title } of tests) {
        expect(ts.sys.fileExists(`${root}/${path}`), `${id}: ${path}`).toBe(true);
        expect(titlesOf(path), `${id}: ${path}`).toContain(title);
      }
    }
  });

  it('lists what src imports of node:crypto', () => {
    const imported = list('src', '.ts').flatMap((path) =>
      [...read(path).matchAll(/import \{([^}]*)\} from 'node:crypto'/g)].flatMap(([, names = '']) =>
        names.split(',').map((name) => `${name.trim()} ${path}`),
      ),
    );
    const rows = [...page.matchAll(/^\| (`\w+`(?:, `\w+`)*) +\| `(src\/[\w/.-]+)` +\|/gm)];
    const listed = rows.flatMap(([, names = '', path = '']) =>
      names.split(', ').map((name) => `${name.replaceAll('`', '')} ${path}`),
    );
    expect(listed.sort()).toEqual(imported.sort());
  });

  it('no page but this one speaks of AAL2', () => {
    const pages = ['README.md', ...list('docs', '.md')].filter((path) => path !== 'docs/threat-model.md');
    for (const path of pages) expect(read(path), path).not.toMatch(/\bAAL ?[23]\b/);
    expect(page).toContain('Nothing here reaches AAL2.');
  });
});

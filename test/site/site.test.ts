import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, inject, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const site = join(inject('folder'), 'site');

let built: { status: number | null; output: string };
/** The pages by their paths in the site. */
const pages = new Map<string, string>();

const read = (path: string): string => readFileSync(join(site, path), 'utf8');
const assets = (ending: string): string[] =>
  readdirSync(join(site, 'assets')).filter((name) => name.endsWith(ending));

beforeAll(() => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/site.mjs', site], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  built = { status, output: stdout + stderr };
  for (const path of readdirSync(site, { recursive: true, encoding: 'utf8' }))
    if (path.endsWith('.html')) pages.set(path.replaceAll('\\', '/'), read(path));
});

describe('the site', () => {
  it('is built without a warning: links lead somewhere, exports have docstrings', () => {
    expect(built.output).not.toMatch(/\[(warning|error)\]/);
    expect(built.status).toBe(0);
  });

  it('has every page of the documentation', () => {
    const sources = ['docs', 'docs/decisions'].flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith('.md'))
        .map((name) => readFileSync(join(root, folder, name), 'utf8')),
    );
    const titles = sources.map((text) => /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', ''));
    const headings = [...pages.values()].map((html) => textOf(/<h1[^>]*>(.*?)<\/h1>/s.exec(html)?.[1] ?? ''));
    expect(titles.length).toBeGreaterThan(40);
    expect(titles.filter((title) => !headings.includes(title ?? ''))).toEqual([]);
  });

  it('has links that lead to files and places that are there', () => {
    const dead: string[] = [];
    for (const [path, html] of pages) {
      for (const target of targetsOf(html)) {
        if (/^(https?|mailto):/.test(target)) continue;
        const [file = '', place] = target.split('#');
        const found = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), decodeURI(file)));
        const isThere = statSync(join(site, found), { throwIfNoEntry: false })?.isFile() ?? false;
        const page = pages.get(found);
        const hasPlace = !place || page === undefined || page.includes(`id="${decodeURIComponent(place)}"`);
        if (!isThere || !hasPlace) dead.push(`${path}: ${target}`);
      }
    }
    expect(dead).toEqual([]);
  });

  it('loads nothing from another host', () => {
    for (const [path, html] of pages) {
      const loaded = [
        ...html.matchAll(/<(?:script|img|link|iframe|source|use)\b[^>]*?(?:src|href)="([^"]*)"/g),
      ];
      expect(
        loaded.map(([, target]) => target).filter((target) => /^(https?:)?\/\//.test(target!)),
        path,
      ).toEqual([]);
    }
    for (const name of assets('.css'))
      expect(read(`assets/${name}`), name).not.toMatch(/@import|url\(["']?(https?:)?\/\//);
    for (const name of assets('.js'))
      expect(read(`assets/${name}`), name).not.toMatch(/["'`](https?:)?\/\/(?!www\.w3\.org)/);
  });

  it('finds what is looked for', () => {
    expect(find('backup code')).toEqual(expect.arrayContaining(['Command line', 'Questions and answers']));
    expect(find('lost phone')[0]).toBe('Command line');
    expect(find('createSecondFactor')).toEqual(
      expect.arrayContaining(['createSecondFactor', 'Options of createSecondFactor']),
    );
  });
});

function textOf(html: string): string {
  const characters: Record<string, string> = {
    '&amp;': '&',
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
  };
  return html.replace(/<[^>]*>/g, '').replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => characters[entity]!);
}

/** All that a page refers to, without `<code>`, in which an address is a word. */
function targetsOf(html: string): string[] {
  return [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, target = '']) =>
    target.replaceAll('&amp;', '&'),
  );
}

interface Index {
  search(query: string): { ref: string }[];
}

/** As the page asks its index, but for its liking of short names. @returns the ten that it shows, best first. */
function find(words: string): string[] {
  const [, data = ''] = /"([^"]+)"/.exec(read('assets/search.js')) ?? [];
  const { rows, index } = JSON.parse(inflateSync(Buffer.from(data, 'base64')).toString()) as {
    rows: { name: string }[];
    index: object;
  };
  const typedoc = createRequire(fileURLToPath(import.meta.resolve('typedoc')));
  const lunr = typedoc('lunr') as { Index: { load(index: object): Index } };
  const query = words.split(' ').map((word) => `*${word}*`);
  const found = lunr.Index.load(index).search(query.join(' '));
  return found.slice(0, 10).map(({ ref }) => rows[Number(ref)]!.name);
}

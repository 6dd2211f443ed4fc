import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Goal } from '../goals.js';

/** What comes into node_modules with a package. Peers are the host's and are not counted. */
interface Weight {
  /** Without itself. */
  packages: number;
  /** Bytes of their files. */
  bytes: number;
  /** Bytes of its own files. */
  own: number;
}

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  files?: string[];
}

/** From bench/dist/bench/start. */
const root = fileURLToPath(new URL('../../../..', import.meta.url));

export function drawWeights(): Record<string, string>[] {
  return Object.entries(packages).map(([name, folder]) => {
    const { packages: count, bytes, own } = weigh(folder);
    const row = { package: name, 'packages that come with it': String(count) };
    return { ...row, 'MB of them': megabytes(bytes), 'MB of its own': megabytes(own) };
  });
}

export function judgeWeight(): Goal[] {
  const { packages: count, bytes } = weigh(root);
  return [
    ['packages that come with it, without the peers', '', '≤ 40', String(count)],
    ['MB of them', '', '≤ 12', megabytes(bytes)],
  ];
}

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(1);

function weigh(folder: string): Weight {
  const found = new Map<string, number>();
  const visit = (from: string): void => {
    for (const name of Object.keys(manifestOf(from).dependencies ?? {})) {
      const dependency = find(name, from);
      if (found.has(dependency)) continue;
      found.set(dependency, sizeOf(dependency));
      visit(dependency);
    }
  };
  visit(folder);
  const bytes = [...found.values()].reduce((sum, size) => sum + size, 0);
  return { packages: found.size, bytes, own: folder === root ? sizeOfOurs() : sizeOf(folder) };
}

const packages = { 'this package': root, 'better-auth': find('better-auth', root) };

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** As Node looks for it. */
function find(name: string, from: string): string {
  const folder = join(from, 'node_modules', name);
  if (existsSync(folder)) return folder;
  if (from === dirname(from)) throw new Error(`${name} is not installed.`);
  return find(name, dirname(from));
}

/** Without the packages inside it, which are found as dependencies. */
function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.slice(folder.length).includes('/node_modules/'))
    .reduce((sum, path) => sum + statSync(path).size, 0);
}

/** What is published of this repository. */
function sizeOfOurs(): number {
  const { files = [] } = manifestOf(root);
  const size = (path: string): number =>
    statSync(join(root, path)).isFile() ? statSync(join(root, path)).size : sizeOf(join(root, path));
  return files.reduce(
    (sum, path) => (path.startsWith('!') ? sum - size(path.slice(1)) : sum + size(path)),
    0,
  );
}

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { satisfies } from 'semver';
import type { Finding, Found, Row } from '../findings.js';

interface Manifest {
  version: string;
  engines: { node: string };
  peerDependencies: Record<string, string>;
  dependencies: Record<string, string>;
}

/** Session stores and drivers: the host's choice, in any version that works. */
const choices = ['connect-redis', 'ioredis', 'redis', 'libsql', 'better-sqlite3', 'pg', 'mysql2'];

/** @param from the folder from which the host's packages are looked for. */
export function describeDependencies(from: string): Finding {
  const ourFile = new URL('../../package.json', import.meta.url);
  const ours = JSON.parse(readFileSync(ourFile, 'utf8')) as Manifest;
  const node = compare('node', process.versions.node, ours.engines.node);
  const peers = Object.entries(ours.peerDependencies).map(([name, range]) =>
    compare(name, findVersion(name, from), range),
  );
  const own = Object.entries(ours.dependencies).map(([name, range]) =>
    compare(name, findVersion(name, fileURLToPath(new URL('.', ourFile))), range),
  );
  const chosen = choices.flatMap((name): Row[] => {
    const version = findVersion(name, from);
    return version === undefined ? [] : [{ name: 'dependency', of: name, value: version, state: 'ok' }];
  });
  const compared = [node, ...peers, ...own];
  return {
    rows: [
      { name: 'dependency', of: 'passport-second-factor', value: ours.version, state: 'ok' },
      ...compared.map(({ row }) => row),
      ...chosen,
    ],
    problems: compared.flatMap(({ problem }) => problem ?? []),
  };
}

/** A package that is not found is there all the same, or nothing would run: it is kept where we do not look (Yarn PnP). */
function compare(name: string, version: string | undefined, range: string): { row: Row; problem?: Found } {
  const row = { name: 'dependency', of: name, expected: range } as const;
  if (version === undefined) return { row: { ...row, value: { word: 'not-found' }, state: 'unknown' } };
  if (satisfies(version, range, { includePrerelease: true }))
    return { row: { ...row, value: version, state: 'ok' } };
  return {
    row: { ...row, value: version, state: 'problem' },
    problem: { code: 'dependency-unsupported', details: { name, version, range } },
  };
}

/** In the folders where Node looks; not by `require.resolve`, which packages for `import` alone do not answer. */
function findVersion(name: string, from: string): string | undefined {
  const folders = createRequire(resolve(from, 'report.js')).resolve.paths(name) ?? [];
  for (const folder of folders) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as Manifest).version;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

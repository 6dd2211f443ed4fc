// `npm run --silent sbom > sbom.json`: what a host gets with the package, as CycloneDX, from package-lock.json. What is for development
// is left out, and so are the peers (express, express-session, passport): they are the host's own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));
const withoutOthers = (entry) => ({ ...entry, devDependencies: undefined, peerDependencies: undefined });

const manifest = withoutOthers(readJson('package.json'));
const lock = readJson('package-lock.json');
const packages = Object.entries(lock.packages)
  .filter(([, { dev, devOptional, peer }]) => !dev && !devOptional && !peer)
  .map(([path, entry]) => [path, path === '' ? withoutOthers(entry) : entry]);

// `npm sbom --omit=dev` in the checkout leaves out what something for development needs as well (npm 11.19: semver and
// zod), and names the package after its folder.
const work = mkdtempSync(join(tmpdir(), 'sbom-'));
try {
  const folder = join(work, manifest.name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const pruned = { ...lock, packages: Object.fromEntries(packages) };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(pruned));
  const options = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];
  execFileSync('npm', options, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
} finally {
  rmSync(work, { recursive: true });
}

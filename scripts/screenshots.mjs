// `npm run screenshots`: pictures of every page in every state, light and dark, narrow and wide, in both languages, into
// screenshots/. Runs test/gallery, which checks each page as well, and prints a table last.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'screenshots');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'gallery', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, SCREENSHOTS: folder },
});
const rows = readFileSync(join(folder, 'report.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));

const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
const pages = new Set(rows.map(({ page }) => page)).size;
console.table([
  ...rows.map(({ page, language, pictures, violations, problems }) => ({
    page,
    language,
    pictures,
    'axe violations': violations,
    problems,
  })),
  {
    page: `${pages} pages and states`,
    language: 'all',
    pictures: sum('pictures'),
    'axe violations': sum('violations'),
    problems: sum('problems'),
  },
]);
process.exit(status ?? 1);

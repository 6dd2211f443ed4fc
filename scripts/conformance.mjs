// `npm run conformance`: the conformance suite against the example and the applications of examples/adoption, which must pass, and
// against applications that are broken on purpose, which must fail the checks of test/conformance/must-fail.json. Prints one
// table of them all last.
import { runReported } from './reported.mjs';

const { status, lines } = runReported('CONFORMANCE_REPORT', ['--project', 'conformance']);

const sound = ['example', 'required', 'express-4', 'postgres', 'oauth2'];
const broken = ['flag', 'careful', 'lax', 'comfort', 'reminder'];
const columns = [...sound, ...broken].flatMap((name) => lines.filter(({ column }) => column === name));
const signs = { passed: 'ok', failed: 'FAILED', unclear: 'unclear', 'not applicable': '-' };

/** Every check of any of them, in the order of the suite. */
const checks = new Map();
for (const { results } of columns) for (const { id, rule } of results) checks.set(id, rule);

const rows = [...checks].map(([id, rule]) => [
  id,
  rule,
  ...columns.map(({ results }) => signs[results.find((result) => result.id === id)?.status] ?? ''),
]);
const heads = ['check', 'rule', ...columns.map(({ column }) => column)];
const counts = Object.entries(signs).map(([name, sign]) => [
  name,
  '',
  ...columns.map(({ results }) => String(results.filter((result) => signs[result.status] === sign).length)),
]);
const times = ['seconds', '', ...columns.map(({ seconds }) => String(seconds))];

const all = [heads, ...rows, ...counts, times];
const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column].length)));
const draw = (row) =>
  row
    .map((cell, column) => cell.padEnd(widths[column]))
    .join('  ')
    .trimEnd();
const line = '-'.repeat(draw(heads).length);
console.log(
  ['', draw(heads), line, ...rows.map(draw), line, ...counts.map(draw), draw(times), ''].join('\n'),
);
console.log(
  `-: not applicable. Empty: not asked for. Broken on purpose, and must fail what test/conformance/must-fail.json says: ${broken.join(', ')}.`,
);
console.log(status === 0 ? 'conformance: as it must be' : 'conformance: FAILED');
process.exit(status);

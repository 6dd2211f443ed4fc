// `npm run model`: random sequences of commands by the owner and by others, done to two nodes and to a model of the rules side
// by side (test/model). Prints what came of them last.
//   npm run model -- --sequences 10000 --seed 1         as many as that, from this seed and not a new one
//   npm run model -- --seed N --path P --replay R       a failing sequence again, as it was printed
import { parseArgs } from 'node:util';
import { runReported } from './reported.mjs';

const text = { type: 'string' };
const { values } = parseArgs({ options: { sequences: text, seed: text, path: text, replay: text } });
const { status, lines } = runReported('MODEL_REPORT', ['--project', 'newest', 'test/model'], {
  MODEL_SEQUENCES: values.sequences ?? '10000',
  MODEL_SEED: values.seed ?? String(Date.now() % 2 ** 31),
  ...(values.path && { MODEL_PATH: values.path }),
  ...(values.replay && { MODEL_REPLAY: values.replay }),
});
const { totals = {}, outcomes = {} } = lines[0] ?? {};

const rows = Object.entries(outcomes).sort(([a], [b]) => a.localeCompare(b));
console.table(
  Object.fromEntries(
    rows.map(([command, counts]) => {
      const others = Object.entries(counts).filter(([kind]) => kind !== 'ok');
      const refused = others.sort(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`);
      return [command, { done: counts.ok ?? 0, otherwise: refused.join(', ') }];
    }),
  ),
);
console.table(totals);
process.exit(status);

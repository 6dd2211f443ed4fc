import { CannotLook } from '../conformance/verdict.js';
import type { Coverage } from '../policy/coverage.js';
import { coverageToCsv } from '../policy/csv.js';
import { common, explain, parse, perform, print, withSecondFactor } from './command.js';

const usage = `second-factor export coverage [options]

One row for each user: who has a second factor, who is in grace, who is overdue. The configuration exports users, a
function that returns them (docs/policy.md). It changes nothing at any account.

  --format csv|json   default csv
  --config <file>     default second-factor.config.js in this folder
  --help

Exit code: 0 it is all there, 2 it is not.
`;

const options = {
  format: { type: 'string', default: 'csv' },
  config: common.config,
  help: common.help,
} as const;

/** @returns the exit code. */
export function exportCoverage(args: string[]): Promise<number> {
  return perform(async () => {
    const { values, positionals } = parse(usage, { args, options, allowPositionals: true });
    if (values.help) return explain(usage);
    if (positionals.length !== 1 || positionals[0] !== 'coverage')
      throw new CannotLook(`Say what to export: coverage.\n\n${usage}`);
    const { format } = values;
    if (format !== 'csv' && format !== 'json') throw new CannotLook('--format must be csv or json.');
    return withSecondFactor(values.config, async ({ service }, { users }) => {
      if (!users)
        throw new CannotLook(`${values.config} exports no users: a function that returns all of them.`);
      for await (const piece of formats[format](service.coverage(users()))) await print(piece);
      return 0;
    });
  });
}

const formats = { csv: coverageToCsv, json: toJson };

async function* toJson(rows: AsyncIterable<Coverage> | Iterable<Coverage>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const row of rows) {
    yield before + JSON.stringify(row);
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

import { CannotLook } from '../conformance/verdict.js';
import type { KeyCare } from '../keys/care.js';
import type { KeyStatus } from '../keys/status.js';
import { createSecondFactor } from '../second-factor.js';
import { common, explain, parse, perform, withConfig } from './command.js';
import { followProgress } from './progress.js';
import { drawEntry, explainRotation, makeEntry } from './rotation.js';

const usage = `second-factor keys status|rotate|reseal [options]

The keys that seal the secrets of authenticators and the keys of backup codes, over the years: docs/keys.md.

  status    how many records each key has sealed, and which keys can be taken out; changes nothing
  rotate    says step by step how to come to a new key; writes nothing anywhere
  reseal    seals with the first key what the others have sealed; beside the running application, and again after a break

  --show-secret     rotate: makes a new key and writes its entry to stdout, for a pipe into your secret store
  --json            status and reseal: as JSON
  --config <file>   default second-factor.config.js in this folder
  --help

Exit code: 0 all is sealed with keys that the ring has (reseal: with the first one), 1 not all, 2 it could not look or was not done.
`;

const options = { ...common, 'show-secret': { type: 'boolean', default: false } } as const;

interface Wish {
  json: boolean;
  'show-secret': boolean;
}

const commands: Partial<Record<string, (care: KeyCare, wish: Wish) => Promise<number>>> = {
  status,
  rotate,
  reseal,
};

/** @returns the exit code. */
export function keys(args: string[]): Promise<number> {
  return perform(async () => {
    const { values, positionals } = parse(usage, { args, options, allowPositionals: true });
    if (values.help) return explain(usage);
    const [name = '', ...others] = positionals;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command || others.length > 0) throw new CannotLook(`Say status, rotate or reseal.\n\n${usage}`);
    return withConfig(values.config, (config) => command(createSecondFactor(config.options).keys, values));
  });
}

async function status(care: KeyCare, { json }: Wish): Promise<number> {
  const found = await care.status();
  const rows = found.map((key) => ({ ...key, advice: advise(key) }));
  console.log(json ? JSON.stringify(rows, null, 2) : draw(rows));
  return found.every(isInOrder) ? 0 : 1;
}

async function rotate(care: KeyCare, wish: Wish): Promise<number> {
  const found = await care.status();
  const entry = makeEntry(found);
  // Apart from the words, so that a pipe takes the entry alone.
  if (wish['show-secret']) console.log(drawEntry(entry));
  console[wish['show-secret'] ? 'error' : 'log'](explainRotation(entry.id, found));
  return 0;
}

async function reseal(care: KeyCare, { json }: Wish): Promise<number> {
  const progress = followProgress(process.stderr);
  const result = await care.reseal(progress.show).finally(progress.end);
  const [active, ...others] = await care.status();
  const left = others.reduce((sum, key) => sum + key.authenticators + key.backupCodes, 0);
  const code = left === 0 ? 0 : 1;
  const said = [
    `${String(result.resealed)} records were sealed with the key "${active?.id ?? ''}".`,
    ...(result.unreadable > 0
      ? [`${String(result.unreadable)} do not open: second-factor report says why.`]
      : []),
    left === 0
      ? 'Nothing is sealed with another key.'
      : `${String(left)} are sealed with other keys. If an application still seals with one of them, put the first key first there and repeat this.`,
  ];
  console.log(json ? JSON.stringify({ ...result, left }) : said.join('\n'));
  return code;
}

function isInOrder({ state, authenticators, backupCodes }: KeyStatus): boolean {
  if (state === 'wrong') return false;
  return (state !== 'missing' && state !== 'lost') || authenticators + backupCodes === 0;
}

/** What there is to do about a key. */
function advise({ id, state, authenticators, backupCodes }: KeyStatus): string {
  if (id === '?') return 'sealed with no key: find out who writes to these tables, and restore the records';
  const isEmpty = authenticators + backupCodes === 0;
  switch (state) {
    case 'active':
      return 'seals';
    case 'unused':
      return 'no application has started with it yet';
    case 'wrong':
      return 'another secret than this id had: put the right one back';
    case 'missing':
      return 'not in "keys": put it back behind the first one, or mark it { id, lost: true }';
    case 'lost':
      return isEmpty ? 'can be taken out' : 'lost: what it has sealed is denied';
    case 'known':
      return isEmpty ? 'can be taken out, 10 minutes after the last application sealed with it' : 'opens';
  }
}

function draw(rows: readonly (KeyStatus & { advice: string })[]): string {
  const table = [
    ['key', 'state', 'authenticators', 'backup codes', ''],
    ...rows.map(({ id, state, authenticators, backupCodes, advice }) => [
      id,
      state,
      String(authenticators),
      String(backupCodes),
      advice,
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  return table
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

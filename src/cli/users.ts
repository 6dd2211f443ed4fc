import { userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { CannotLook } from '../conformance/verdict.js';
import { toTime } from '../http/operation.js';
import type { LaneState, Overview } from '../management/flow.js';
import { common, explain, parse, perform, withSecondFactor } from './command.js';

const statusUsage = `second-factor status <user id> [options]

How the second factor of a user stands. Nothing secret is shown.

  --config <file>   default second-factor.config.js in this folder
  --json            as JSON
  --help

Exit code: 0 it is on, 1 there is none, 2 it could not look.
`;

const resetUsage = `second-factor reset <user id> --reason <text> [options]

Turns the second factor of a user off without a code, for somebody who has lost phone and backup codes. Make sure first who
asks. It ends the user's sessions, is written down with its reason, and the owner is told.

  --reason <text>   why: kept in the event
  --actor <name>    who does it; default the name of this account of the machine
  --yes             without asking, where there is no terminal
  --config <file>   default second-factor.config.js in this folder
  --json            as JSON
  --help

Exit code: 0 it is off now, 1 there was none, 2 it was not done.
`;

/** @returns the exit code. */
export function status(args: string[]): Promise<number> {
  return perform(async () => {
    const { values, positionals } = parse(statusUsage, { args, options: common, allowPositionals: true });
    if (values.help) return explain(statusUsage);
    const userId = onlyUser(positionals, statusUsage);
    return withSecondFactor(values.config, async ({ service }) => {
      const overview = await service.status(userId);
      console.log(values.json ? JSON.stringify({ userId, ...overview }, null, 2) : draw(userId, overview));
      return overview.enabledAt === null ? 1 : 0;
    });
  });
}

/** @returns the exit code. */
export function reset(args: string[]): Promise<number> {
  return perform(async () => {
    const options = {
      ...common,
      reason: { type: 'string' },
      actor: { type: 'string' },
      yes: { type: 'boolean', default: false },
    } as const;
    const { values, positionals } = parse(resetUsage, { args, options, allowPositionals: true });
    if (values.help) return explain(resetUsage);
    const userId = onlyUser(positionals, resetUsage);
    const reason = values.reason?.trim() ?? '';
    if (reason === '') throw new CannotLook(`Say why, with --reason.\n\n${resetUsage}`);
    const actor = values.actor ?? userInfo().username;
    return withSecondFactor(values.config, async ({ service }) => {
      const overview = await service.status(userId);
      if (overview.enabledAt === null) return answer(userId, false, values.json);
      if (!values.yes) await confirm(userId, overview, 'turn this off');
      return answer(userId, await service.reset(userId, actor, reason), values.json);
    });
  });
}

export function onlyUser(positionals: string[], usage: string): string {
  const [userId = '', ...others] = positionals;
  if (userId === '' || others.length > 0) throw new CannotLook(`Name one user id.\n\n${usage}`);
  return userId;
}

/** Typed whole, so that it is the user who is meant. @param deed what is about to be done. */
export async function confirm(userId: string, overview: Overview, deed: string): Promise<void> {
  if (!process.stdin.isTTY) throw new CannotLook('There is no terminal to ask at: say --yes.');
  console.error(draw(userId, overview));
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const typed = await terminal.question(`\nType the user id to ${deed}: `);
    if (typed.trim() !== userId) throw new CannotLook('That is another id: nothing was done.');
  } finally {
    terminal.close();
  }
}

function answer(userId: string, isDone: boolean, json: boolean): number {
  const said = isDone ? 'The second factor is off now.' : 'This user has no second factor.';
  console.log(json ? JSON.stringify({ userId, reset: isDone }) : said);
  return isDone ? 0 : 1;
}

function draw(
  userId: string,
  { enabledAt, authenticators, backupCodes, lanes, suspectedAt }: Overview,
): string {
  const left = `${String(backupCodes?.left ?? 0)} of ${String(backupCodes?.total ?? 0)} left`;
  const rows = [
    ['user', userId],
    ['second factor', enabledAt === null ? 'none' : `on since ${toTime(enabledAt)}`],
    ...authenticators.map(({ name, createdAt, lastUsedAt }) => [
      'authenticator',
      `${name}, added ${toTime(createdAt)}, ${lastUsedAt === null ? 'not used yet' : `last used ${toTime(lastUsedAt)}`}`,
    ]),
    ['TOTP codes', describe(lanes.totp)],
    ['backup codes', `${left}, ${describe(lanes['backup-code'])}`],
    ...(suspectedAt === null ? [] : [['logins', `wait for a changed password since ${toTime(suspectedAt)}`]]),
  ];
  return rows.map(([name = '', value = '']) => `${name.padEnd(14)} ${value}`).join('\n');
}

function describe(lane: LaneState): string {
  if (lane.kind === 'delayed') return `not looked at until ${toTime(lane.until)}`;
  return lane.kind === 'suspended' ? 'suspended' : 'looked at';
}

import { userInfo } from 'node:os';
import { parseDuration } from '../clock.js';
import { CannotLook } from '../conformance/verdict.js';
import { toTime } from '../http/operation.js';
import { SUPPORT_CODE_LIFETIMES } from '../limits.js';
import type { SupportCode } from '../management/flow.js';
import { common, explain, parse, perform, withSecondFactor } from './command.js';
import { confirm, onlyUser } from './users.js';

const usage = `second-factor support-code <user id> --reason <text> [options]

A code for somebody who has lost phone and backup codes, and stays protected: it takes the place of a backup code once, beside the
password. Make sure first who asks. It is written down with its reason, and the owner is told. A second one ends the first.

  --reason <text>   why: kept in the event, and told to the owner
  --for <time>      how long it can be used, 1m to 24h: a number with s, m or h; default 15m
  --actor <name>    who gives it; default the name of this account of the machine
  --yes             without asking, where there is no terminal
  --config <file>   default second-factor.config.js in this folder
  --json            as JSON
  --help

The code is all that stands on stdout, and is never shown again.
Exit code: 0 here it is, 1 there is no second factor, 2 it was not done.
`;

const options = {
  ...common,
  reason: { type: 'string' },
  for: { type: 'string', default: '15m' },
  actor: { type: 'string' },
  yes: { type: 'boolean', default: false },
} as const;

/** @returns the exit code. */
export function supportCode(args: string[]): Promise<number> {
  return perform(async () => {
    const { values, positionals } = parse(usage, { args, options, allowPositionals: true });
    if (values.help) return explain(usage);
    const userId = onlyUser(positionals, usage);
    const reason = values.reason?.trim() ?? '';
    if (reason === '') throw new CannotLook(`Say why, with --reason.\n\n${usage}`);
    const wish = { lifetime: readLifetime(values.for), actor: values.actor ?? userInfo().username, reason };
    return withSecondFactor(values.config, async ({ service }) => {
      const overview = await service.status(userId);
      const canBeIssued = overview.enabledAt !== null && overview.suspectedAt === null;
      if (canBeIssued && !values.yes) await confirm(userId, overview, 'give out a code');
      const result = await service.issueSupportCode(userId, wish);
      console.error(describe(result));
      if (values.json) console.log(JSON.stringify({ userId, ...result }));
      else if (result.kind === 'issued') console.log(result.code);
      return result.kind === 'issued' ? 0 : result.kind === 'not-enabled' ? 1 : 2;
    });
  });
}

/** @throws CannotLook where it is no time, or not one of those that are allowed. */
function readLifetime(text: string): number {
  const lifetime = parseDuration(text) ?? 0;
  const { shortest, longest } = SUPPORT_CODE_LIFETIMES;
  if (lifetime >= shortest && lifetime <= longest) return lifetime;
  throw new CannotLook('--for must be a time from 1m to 24h, such as 15m.');
}

function describe(result: SupportCode): string {
  switch (result.kind) {
    case 'issued':
      return `It works once, until ${toTime(result.expiresAt)}, after the password, where a backup code is asked for:`;
    case 'not-enabled':
      return 'Nobody with this id has a second factor. Is it the id, and not the name or the address?';
    case 'suspected':
      return 'Nobody can sign in to this account until its password is changed: have that done first, then ask again.';
    case 'expired':
      return 'The account was changed in this moment. Look at it, then ask again.';
  }
}

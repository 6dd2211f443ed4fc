// What an attacker who has a user's password can reach in a year, as tables of docs/threat-model.md. All figures are those of
// dist/settings.js. `node scripts/threat-model.mjs` writes the tables, with `--check` it says whether they are right.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { MOST_AUTHENTICATORS } from '../dist/limits.js';
import { parseOptions } from '../dist/settings.js';
import { memoryStorage } from '../dist/storage/memory/memory-storage.js';
import { defaultParameters } from '../dist/totp/match-step.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** The settings with a window; `undefined` where the options do not allow it. */
function settingsWith(window) {
  try {
    return parseOptions({
      issuer: 'Any',
      origin: 'https://any.example',
      storage: memoryStorage(),
      keys: [{ id: 'any', secret: randomBytes(32) }],
      user: { id: () => 'ada', label: () => 'ada' },
      ...(window && { totp: { window } }),
    });
  } catch {
    return undefined;
  }
}

const { limits, window: usual } = settingsWith();
const { delayFrom, delays, cap, budget } = limits;
let widest = 0;
while (settingsWith({ past: widest + 1, future: widest + 1 })) widest += 1;
const windows = [usual, { past: 1, future: 0 }, { past: 0, future: 0 }, { past: widest, future: widest }];
const numbers = [1, 3, MOST_AUTHENTICATORS];

/** Milliseconds that a lane is delayed after so many consecutive failures. */
const delayAfter = (failures) =>
  failures < delayFrom ? 0 : delays[Math.min(failures - delayFrom, delays.length - 1)];

/**
 * A year, one event after the other. The attacker answers in each moment in which an answer is looked at, in so many lanes. The
 * owner makes no mistakes, and succeeds at the end of each `ownerEvery` milliseconds, which sets the first lane back.
 * @param mostInBudget wrong answers within the budget's time at which the attacker pauses: with one less than the budget nobody has
 * to change the password; with all of it the login stops.
 * @returns when each answer was looked at.
 */
function simulate({ ownerEvery, mostInBudget, lanes = 1 }) {
  const answers = [];
  const failures = Array.from({ length: lanes }, () => 0);
  const openAt = Array.from({ length: lanes }, () => 0);
  let success = ownerEvery;
  let now = 0;
  while (now < YEAR) {
    const recent = answers.filter((at) => at > now - budget.within);
    if (recent.length >= budget.answers) break;
    const inBudget = recent.length < mostInBudget ? now : recent.at(-mostInBudget) + budget.within;
    const next = openAt.map((at, lane) => (failures[lane] < cap ? Math.max(at, inBudget, now) : Infinity));
    const first = Math.min(...next);
    if (success <= first) {
      if (success === Infinity) break;
      now = success;
      success += ownerEvery;
      failures[0] = openAt[0] = 0;
    } else if (first > now) {
      now = first;
    } else {
      const lane = next.indexOf(first);
      answers.push(now);
      failures[lane] += 1;
      openAt[lane] = now + delayAfter(failures[lane]);
    }
  }
  return answers;
}

/** Guesses of the best year: the last one need not save the budget. */
function countGuesses(pace) {
  const answers = simulate(pace);
  const last = answers.filter((at) => at > YEAR - budget.within).length;
  return answers.length + (pace.mostInBudget < budget.answers && last === pace.mostInBudget ? 1 : 0);
}

/** Chance that one of so many guesses is right. Of two right codes that are equal nothing is taken off. */
function chance(guesses, { past, future }, authenticators) {
  const right = ((1 + past + future) * authenticators) / 10 ** defaultParameters.digits;
  return 1 - (1 - right) ** guesses;
}

/** How long consecutive failures take, each as soon as it is looked at. */
function timeFor(failures) {
  let time = 0;
  for (let failure = 1; failure < failures; failure += 1) time += delayAfter(failure);
  return time;
}

const percent = (value) => {
  const digits = value < 0.0001 ? 4 : value < 0.01 ? 3 : 2;
  return `${(value * 100).toFixed(digits)} %`;
};
const span = (milliseconds) =>
  milliseconds >= HOUR
    ? `${Number((milliseconds / HOUR).toFixed(1))} h`
    : `${String(milliseconds / SECOND)} s`;
const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

const burst = { mostInBudget: budget.answers };
const paces = [
  {
    owner: 'never',
    pace: 'as fast as answers are looked at',
    ownerEvery: Infinity,
    ...burst,
    end: 'the cap',
  },
  { owner: 'daily', pace: 'as fast as answers are looked at', ownerEvery: DAY, ...burst, end: 'the budget' },
  {
    owner: 'daily',
    pace: 'just below the budget',
    ownerEvery: DAY,
    mostInBudget: budget.answers - 1,
    end: 'nothing',
  },
].map((pace) => ({ ...pace, guesses: countGuesses(pace) }));
const most = { daily: Math.max(paces[1].guesses, paces[2].guesses), never: paces[0].guesses };
const earliest = (lanes) => span(simulate({ ownerEvery: DAY, ...burst, lanes }).at(-1));
const suspension = span(timeFor(cap));
const byHours = `up to ${span(delays.at(-1))} at a time, ${suspension} in all`;
const afterwards = (lanes) => `on coming back: ${lanes} suspended, since ${suspension} after the first guess`;
const newPassword = (lanes) =>
  `only for a new password, ${earliest(lanes)} after the first guess at the earliest`;

const tables = {
  limits: table(
    ['limit', 'value'],
    [
      ['wrong answers to one pending login or step-up', limits.perPending],
      [`delay after the ${delayFrom}th consecutive wrong answer`, span(delayAfter(delayFrom))],
      [`delay from the ${delayFrom + delays.length - 1}th on`, span(delays.at(-1))],
      ['consecutive wrong answers that suspend the lane (`attempts.cap`)', cap],
      [
        'wrong answers after which logins wait for a new password',
        `${budget.answers} in ${budget.within / DAY} days`,
      ],
    ],
  ),
  guesses: table(
    ['the owner signs in', 'the attacker guesses', 'guesses in a year', 'what stops it'],
    paces.map(({ owner, pace, guesses, end }) => [owner, pace, guesses, end]),
  ),
  success: table(
    [
      'window past / future',
      'the owner signs in',
      ...numbers.map((count) => `${count} authenticator${count > 1 ? 's' : ''}`),
    ],
    windows.flatMap(({ past, future }, index) =>
      Object.entries(most).map(([owner, guesses]) => [
        `${past} / ${future}${index === 0 ? ' (default)' : ''}`,
        owner,
        ...numbers.map((count) => percent(chance(guesses, { past, future }, count))),
      ]),
    ),
  ),
  owner: table(
    ['the owner signs in', 'in a browser that is', 'the attacker guesses', 'the owner waits', 'what ends it'],
    [
      ['daily', 'known', 'TOTP codes', newPassword(1), 'a new password'],
      ['daily', 'known', 'codes of both kinds', newPassword(2), 'a new password'],
      ['daily', 'new', 'TOTP codes', byHours, 'a backup code, at any time'],
      ['daily', 'new', 'codes of both kinds', byHours, 'a new password, and an administrator'],
      ['never', 'any', 'TOTP codes', afterwards('TOTP codes'), 'a backup code, at any time'],
      ['never', 'any', 'codes of both kinds', afterwards('both'), 'a new password, and an administrator'],
    ],
  ),
};

const page = fileURLToPath(new URL('../docs/threat-model.md', import.meta.url));
const before = readFileSync(page, 'utf8');
const filled = Object.entries(tables).reduce((text, [marker, rows]) => {
  const place = new RegExp(`(<!-- table: ${marker} -->\n)[^]*?(\n<!-- end -->)`);
  if (!place.test(text)) throw new Error(`docs/threat-model.md has no place for the table "${marker}".`);
  return text.replace(place, `$1\n${rows}\n$2`);
}, before);
const after = await format(filled, { ...(await resolveConfig(page)), filepath: page });
if (!process.argv.includes('--check')) {
  writeFileSync(page, after);
} else if (after !== before) {
  console.error(
    'docs/threat-model.md has other figures than the settings: run `node scripts/threat-model.mjs`.',
  );
  process.exit(1);
}

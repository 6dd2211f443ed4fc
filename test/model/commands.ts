import fc, { type AsyncCommand } from 'fast-check';
import { formatCode, generateCode } from '../../src/backup-codes/code.js';
import type { Account, Answered, Browser } from './account.js';
import type { Run } from './run.js';
import { codeOf, STEP } from './totp.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

type Do = (run: Run) => Promise<void>;

/** Where a request goes, and how. */
interface Way {
  browser: number;
  node: number;
  isTwin: boolean;
  isForm: boolean;
}

type Pick =
  | { lane: 'totp'; code: 'right' | 'next' | 'future' | 'old' | 'again' | 'dead' | 'wrong'; nth: number }
  | { lane: 'backup-code'; code: 'right' | 'used' | 'dead' | 'foreign' | 'support'; nth: number };

class Step implements AsyncCommand<Account, Run> {
  readonly #text: string;
  readonly #run: Do;

  constructor(name: string, parameters: object, run: Do) {
    this.#text = `${name} ${JSON.stringify(parameters)}`;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  async run(_account: Account, run: Run): Promise<void> {
    await this.#run(run);
  }

  toString(): string {
    return this.#text;
  }
}

function command<P extends object>(
  name: string,
  parameters: fc.Arbitrary<P>,
  run: (run: Run, parameters: P) => Promise<void>,
) {
  return parameters.map((chosen) => new Step(name, chosen, (real) => run(real, chosen)));
}

/** The first one is the owner's own, and used most. */
const browser = fc.constantFrom(0, 0, 0, 1, 1, 2);
const node = fc.nat({ max: 1 });
const nth = fc.nat({ max: 9 });
const isSeldom = fc.nat({ max: 3 }).map((n) => n === 3);
const way: fc.Arbitrary<Way> = fc.record({ browser, node, isTwin: isSeldom, isForm: isSeldom });
const pick: fc.Arbitrary<Pick> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ lane: fc.constant('totp' as const), code: fc.constant('right' as const), nth }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      lane: fc.constant('totp' as const),
      code: fc.constantFrom('next', 'future', 'old', 'again', 'dead', 'wrong', 'wrong'),
      nth,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      lane: fc.constant('backup-code' as const),
      code: fc.constantFrom('right', 'right', 'used', 'dead', 'foreign', 'support'),
      nth,
    }),
  },
);

/** Nobody's; of the right form. */
const foreignCode = formatCode(generateCode());

/** @returns a code of that kind, and of no other step besides; where the account has none, a wrong one. */
function choose(account: Account, { lane, code, nth }: Pick): Answered {
  if (lane === 'backup-code') {
    const { live, used, dead } = account.codes;
    const support = account.support ? [account.support.code] : [];
    const codes = { right: live, used, dead, foreign: [], support }[code];
    return { lane, code: codes[nth % codes.length] ?? foreignCode };
  }
  return { lane, code: chooseTotp(account, code, nth) };
}

function chooseTotp(account: Account, code: Extract<Pick, { lane: 'totp' }>['code'], nth: number): string {
  const authenticator = account.authenticators[nth % account.authenticators.length];
  const present = Math.floor(account.now / STEP);
  const dead = account.deadKeys[nth % account.deadKeys.length];
  if (code === 'dead' && dead !== undefined) return codeOf(dead, present);
  if (!authenticator || code === 'wrong' || code === 'dead') return wrongCode(account, nth);
  const { key, lastStep } = authenticator;
  // An owner waits for the next code.
  if (code === 'right' && lastStep >= present) account.now = (lastStep + 1) * STEP;
  const steps = {
    right: Math.floor(account.now / STEP),
    next: present + 1,
    future: present + 2 + (nth % 3),
    old: present - 1 - (nth % 3),
    again: lastStep,
  };
  return codeOf(key, steps[code]);
}

function wrongCode(account: Account, nth: number): string {
  for (let guess = nth; ; guess += 1) {
    const code = String(guess).padStart(6, '0');
    if (account.matches(code).length === 0) return code;
  }
}

/** Once in a million a code is of two steps of the window; which of them is meant nobody can say. */
function isAmbiguous(account: Account, { code }: Answered): boolean {
  return account.matches(code).length > 1;
}

const isOpenToForms = (account: Account, { session }: Browser): boolean =>
  session.is === 'pending'
    ? session.expiresAt > account.now
    : session.is === 'complete' && session.epoch === account.epoch && account.isOn;

async function logIn(
  run: Run,
  { browser, node, isRight }: { browser: number; node: number; isRight: boolean },
): Promise<void> {
  const { userId, password } = run.account;
  const body = { username: userId, password: isRight ? password : `${password}?` };
  await run.perform({ name: 'log in', browser, node, path: '/login', body }, (jar) =>
    run.account.logIn(jar, isRight),
  );
}

async function answer(run: Run, way: Way, pick: Pick): Promise<void> {
  const { account } = run;
  const chosen = choose(account, pick);
  if (isAmbiguous(account, chosen)) return;
  const isForm = way.isForm && isOpenToForms(account, account.browsers[way.browser]!);
  const { is } = account.browsers[way.browser]!.session;
  const call = chosen.lane === 'totp' ? '/api/verify/me' : '/api/verify-backup/me';
  const request = {
    ...way,
    name: is === 'complete' ? `step up: ${nameOf(pick)}` : `answer: ${nameOf(pick)}`,
    path: isForm ? '/two-factor/challenge' : call,
    body: { code: chosen.code },
    page: isForm ? '/two-factor/challenge?return_to=%2Fwhere' : undefined,
    isTwin: way.isTwin && !isForm,
  };
  await run.perform(request, (jar) => account.answer(jar, chosen));
}

function nameOf({ lane, code }: Pick): string {
  return lane === 'totp' ? `${code} TOTP code` : `${code} backup code`;
}

async function setUp(run: Run, way: Way, replaces?: string): Promise<void> {
  const query = replaces === undefined ? '' : `?replaces=${encodeURIComponent(replaces)}`;
  await run.perform({ ...way, name: 'set up', path: `/api/setup/me${query}` }, (jar, { body }) =>
    run.account.setUp(jar, replaces, String(body['secret'])),
  );
}

/** @param steps of its code, from now. */
async function enable(run: Run, way: Way, steps: number, replaces?: string): Promise<void> {
  const { account } = run;
  const { session } = account.browsers[way.browser]!;
  const key = session.is === 'complete' ? session.enrolment?.key : undefined;
  const code =
    key === undefined ? wrongCode(account, 0) : codeOf(key, Math.floor(account.now / STEP) + steps);
  const body = { code, ...(replaces !== undefined && { replaces }) };
  const name = replaces === undefined ? 'enable or add' : 'replace';
  const epoch = account.epoch;
  await run.perform({ ...way, name, path: '/api/enable/me', body }, (jar, { body: answered }) =>
    account.enable(jar, code, replaces, (answered['backup_codes'] ?? []) as string[]),
  );
  if (account.epoch !== epoch) await learnIds(run, way);
}

/** Which id the new authenticator has. */
async function learnIds(run: Run, { browser, node }: Way): Promise<void> {
  const { body } = await run.ask({ browser, node, path: '/api/status/me' });
  const ids = (body['authenticators'] as { id: string }[]).map(({ id }) => id);
  const { authenticators } = run.account;
  const added = ids.filter((id) => authenticators.every((known) => known.id !== id));
  if (added.length !== 1 || ids.length !== authenticators.length)
    throw new Error('R10 Other authenticators than those that were proven.');
  authenticators.at(-1)!.id = added[0]!;
}

/** An id of the account's, or one that it had. */
function chooseId({ authenticators, deadIds }: Account, nth: number, isDead: boolean): string {
  const ids = isDead ? deadIds : authenticators.map(({ id }) => id);
  return ids[nth % ids.length] ?? 'nobody';
}

/** Wrong answers one after the other, with the password again and after the delay where it must be. */
async function guess(
  run: Run,
  { browser, node, lane, times }: { browser: number; node: number; lane: Pick['lane']; times: number },
): Promise<void> {
  const { account } = run;
  const jar = account.browsers[browser]!;
  const pick: Pick = lane === 'totp' ? { lane, code: 'wrong', nth: 0 } : { lane, code: 'foreign', nth: 0 };
  for (let time = 0; time < times; time += 1) {
    account.now = Math.max(account.now, account.lanes[lane].until);
    const isHere = account.isLive(jar) || (jar.session.is === 'pending' && account.isOpen(jar.session));
    if (!isHere) await logIn(run, { browser, node, isRight: true });
    await answer(run, { browser, node: 1 - node, isTwin: false, isForm: time % 3 === 2 }, pick);
  }
}

/** Both steps of a login, as the owner does it. */
async function signIn(run: Run, { browser, node }: { browser: number; node: number }): Promise<void> {
  await logIn(run, { browser, node, isRight: true });
  if (run.account.browsers[browser]!.session.is !== 'pending') return;
  await answer(
    run,
    { browser, node: 1 - node, isTwin: false, isForm: false },
    { lane: 'totp', code: 'right', nth: 0 },
  );
}

/** A first authenticator, or one more, from the beginning. */
export async function enrol(run: Run, { browser, node }: { browser: number; node: number }): Promise<void> {
  const way = { browser, node, isTwin: false, isForm: false };
  await signIn(run, way);
  await setUp(run, way);
  await enable(run, way, 0);
}

/** A fresh proof first, so that a change comes about. */
async function prove(run: Run, { browser, node }: Way): Promise<void> {
  const { account } = run;
  const { session } = account.browsers[browser]!;
  if (session.is === 'complete' && account.isOn && account.isFresh(session)) return;
  if (!account.isLive(account.browsers[browser]!)) await signIn(run, { browser, node });
  else
    await answer(
      run,
      { browser, node, isTwin: false, isForm: false },
      { lane: 'totp', code: 'right', nth: 0 },
    );
}

/** One code in two browsers at once. Those that wait for no answer log in first. */
async function race(run: Run, { lane, nth }: { lane: Pick['lane']; nth: number }): Promise<void> {
  const { account } = run;
  const jars: [Browser, Browser] = [account.browsers[0]!, account.browsers[1]!];
  const isSupported = lane === 'backup-code' && nth % 2 === 0 && account.liveSupportCode() !== undefined;
  const chosen = choose(account, isSupported ? { lane, code: 'support', nth } : { lane, code: 'right', nth });
  for (const [browser, jar] of jars.entries()) {
    const waits = account.isLive(jar) || (jar.session.is === 'pending' && account.isOpen(jar.session));
    if (!waits) await logIn(run, { browser, node: browser, isRight: true });
  }
  const isRight =
    lane === 'totp'
      ? account.matches(chosen.code).length === 1
      : [account.liveSupportCode(), ...account.codes.live].includes(chosen.code);
  const isHeard = jars.every((jar) => account.hears(jar, lane));
  if (!isRight || !isHeard) return;
  await run.race(
    `race: ${isSupported ? 'support code' : lane}`,
    jars,
    chosen,
    lane === 'totp' ? '/api/verify/me' : '/api/verify-backup/me',
  );
}

/** A new authenticator in the place of one that is there. */
async function exchange(run: Run, { way, nth }: { way: Way; nth: number }): Promise<void> {
  await prove(run, way);
  const id = chooseId(run.account, nth, false);
  await setUp(run, { ...way, isTwin: !way.isTwin }, id);
  await enable(run, way, 0, id);
}

async function propose(run: Run, way: Way): Promise<void> {
  await run.perform({ ...way, name: 'propose codes', path: '/api/backup-codes/me' }, (jar, { body }) =>
    run.account.proposeCodes(jar, (body['backup_codes'] ?? []) as string[]),
  );
}

async function save(run: Run, way: Way): Promise<void> {
  const body = { saved: true };
  await run.perform({ ...way, name: 'save codes', path: '/api/backup-codes/me', body }, (jar) =>
    run.account.saveCodes(jar),
  );
}

/** New backup codes in the place of the old ones: those of the set-up are said to be saved before. */
async function renewCodes(run: Run, way: Way): Promise<void> {
  await prove(run, way);
  const { session } = run.account.browsers[way.browser]!;
  if (session.is === 'complete' && session.proposal?.isLive) await save(run, way);
  await propose(run, { ...way, isTwin: !way.isTwin });
  await save(run, way);
}

/** What an administrator does, who has no part in the browsers; then whoever has heard the code uses it, or two do. */
async function support(
  run: Run,
  { way, lifetime, then }: { way: Way; lifetime: number; then: 'nothing' | 'answer' | 'race' },
): Promise<void> {
  const { account } = run;
  const body = { username: account.userId, lifetime };
  const request = { name: 'support code', browser: 2, node: way.node, path: '/support-code', body };
  await run.perform(request, (_jar, answer) =>
    account.issueSupportCode(lifetime, String(answer.body['code'])),
  );
  if (then === 'race') await race(run, { lane: 'backup-code', nth: 0 });
  if (then !== 'answer') return;
  const jar = account.browsers[way.browser]!;
  if (!account.isLive(jar)) await logIn(run, { ...way, isRight: true });
  await answer(run, way, { lane: 'backup-code', code: 'support', nth: 0 });
}

const place = fc.record({ browser, node });
const advance = (name: string, unit: number, most: number) =>
  command(name, fc.record({ times: fc.integer({ min: 1, max: most }) }), async (run, { times }) => {
    run.account.now += times * unit;
    run.count(`advance the clock: ${name}`, 'ok');
  });

const passwordBody = (run: Run, isRight: boolean) => ({ password: isRight ? run.account.password : 'wrong' });
const nothing = {};

export const commands = [
  command('enrol', place, enrol),
  ...Array.from({ length: 4 }, () => command('sign in', place, signIn)),
  command('log in', fc.record({ browser, node, isRight: isSeldom.map((is) => !is) }), logIn),
  ...Array.from({ length: 5 }, () =>
    command('answer', fc.record({ way, pick, isNew: fc.boolean() }), async (run, { way, pick, isNew }) => {
      const jar = run.account.browsers[way.browser]!;
      const isHere = run.account.isLive(jar) || jar.session.is === 'pending';
      if (isNew && !isHere) await logIn(run, { ...way, isRight: true });
      await answer(run, way, pick);
    }),
  ),
  command(
    'guess',
    fc.record({
      browser,
      node,
      lane: fc.constantFrom('totp', 'backup-code'),
      times: fc.integer({ min: 2, max: 9 }),
    }),
    guess,
  ),
  command(
    'set up',
    fc.record({ way, replaced: fc.option(nth), isDead: isSeldom }),
    (run, { way, replaced, isDead }) =>
      setUp(run, way, replaced === null ? undefined : chooseId(run.account, replaced, isDead)),
  ),
  command(
    'enable',
    fc.record({
      way,
      steps: fc.constantFrom(0, 0, 0, 1, -1, 2, -2),
      replaced: fc.option(nth),
      isDead: isSeldom,
    }),
    (run, { way, steps, replaced, isDead }) =>
      enable(run, way, steps, replaced === null ? undefined : chooseId(run.account, replaced, isDead)),
  ),
  command('remove', fc.record({ way, nth, isDead: isSeldom }), async (run, { way, nth, isDead }) => {
    const id = chooseId(run.account, nth, isDead);
    const request = { ...way, name: 'remove', path: '/api/remove/me', body: { authenticator_id: id } };
    await run.perform(request, (jar) => run.account.remove(jar, id));
  }),
  command('disable', fc.record({ way, pick }), async (run, { way, pick }) => {
    const { account } = run;
    const jar = account.browsers[way.browser]!;
    const chosen = choose(account, pick);
    if (isAmbiguous(account, chosen)) return;
    const isForm = way.isForm && jar.session.is === 'complete' && isOpenToForms(account, jar);
    const request = {
      ...way,
      name: 'turn off',
      path: isForm ? '/two-factor/disable' : '/api/disable/me',
      body: { code: chosen.code },
      page: isForm ? '/two-factor/disable' : undefined,
      isTwin: way.isTwin && !isForm,
    };
    await run.perform(request, (browser) => account.disable(browser, chosen));
  }),
  command(
    'support code',
    fc.record({
      way,
      lifetime: fc.constantFrom(MINUTE, 15 * MINUTE, 24 * HOUR),
      then: fc.constantFrom('nothing', 'answer', 'race'),
    }),
    support,
  ),
  command('race', fc.record({ lane: fc.constantFrom('totp', 'backup-code'), nth }), race),
  command('exchange', fc.record({ way, nth }), exchange),
  command('renew codes', way, renewCodes),
  command('propose codes', way, propose),
  command('save codes', way, save),
  command('prove the password', fc.record({ way, isRight: fc.boolean() }), (run, { way, isRight }) =>
    run.perform(
      {
        ...way,
        name: 'prove the password',
        path: '/api/verify-password/me',
        body: passwordBody(run, isRight),
      },
      (jar) => run.account.provePassword(jar, isRight),
    ),
  ),
  command('sign out elsewhere', way, (run, way) => {
    const isForm = way.isForm && run.account.isLive(run.account.browsers[way.browser]!);
    const request = {
      ...way,
      name: 'sign out elsewhere',
      path: isForm ? '/two-factor/sign-out-elsewhere' : '/api/sign-out-elsewhere/me',
      body: nothing,
      page: isForm ? '/two-factor' : undefined,
      isTwin: false,
    };
    return run.perform(request, (jar) => run.account.endOthers(jar));
  }),
  command('change the password', place, (run, { browser, node }) => {
    const { account } = run;
    const password = `${account.password}+`;
    return run.perform(
      { name: 'change the password', browser, node, path: '/password', body: { password } },
      (jar) => {
        if (!account.isLive(jar)) return 'login-required';
        account.password = password;
        return account.endOthers(jar);
      },
    );
  }),
  command('log out', place, (run, place) =>
    run.perform({ ...place, name: 'log out', path: '/logout', body: nothing }, (jar) =>
      run.account.logOut(jar),
    ),
  ),
  command('cancel', place, (run, place) =>
    run.perform({ ...place, name: 'cancel', path: '/api/cancel/me', body: nothing }, (jar) =>
      run.account.cancel(jar),
    ),
  ),
  command(
    'use an old cookie',
    fc.record({ nth: fc.nat(), node, what: fc.nat({ max: 3 }) }),
    (run, { nth, node, what }) => {
      const { account } = run;
      const code = chooseTotp(account, 'next', nth);
      const [path, body] = [
        ['/api/status/me', undefined],
        ['/api/verify/me', { code }],
        ['/api/disable/me', { code }],
        ['/api/sign-out-elsewhere/me', nothing],
      ][what] as [string, object | undefined];
      return run.tryOldCookie('use an old cookie', nth, node, path, body);
    },
  ),
  advance('seconds', SECOND, 29),
  advance('half a minute', STEP, 1),
  advance('minutes', MINUTE, 12),
  advance('hours', HOUR, 30),
];

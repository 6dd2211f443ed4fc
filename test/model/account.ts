import type { Lane, Method } from '../../src/model.js';
import type { Kind } from './site.js';
import { codeOf, STEP } from './totp.js';

/*
 * What the rules say about one account, its sessions and its clock, in the plainest words: no request, no storage, no race.
 * The numbers are written down once more on purpose: a test that read them from the code would follow it anywhere.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Low, so that short sequences get there. */
export const CAP = 8;
const ANSWERS = 5;
const MOST_AUTHENTICATORS = 5;
const FRESH = 5 * MINUTE;
const LIFETIME = 10 * MINUTE;
const STEP_UP_LIFETIME = 24 * HOUR;

/** 30 s · 2^n from the fifth consecutive failure on, at most an hour. */
function delayAfter(failures: number): number {
  return failures < 5 ? 0 : Math.min(30 * SECOND * 2 ** (failures - 5), HOUR);
}

/** What takes a limited number of answers. */
interface Row {
  failures: number;
  expiresAt: number;
}

export interface Pending extends Row {
  is: 'pending';
  epoch: number;
  firstFactorAt: number;
}

export interface Complete {
  is: 'complete';
  epoch: number;
  proofs: Partial<Record<Method, number>>;
  stepUp?: Row | undefined;
  enrolment?: { key: string; expiresAt: number } | undefined;
  proposal?: { codes: string[]; isLive: boolean; expiresAt: number } | undefined;
}

/** One cookie jar. */
export interface Browser {
  cookie: string;
  session: { is: 'nobody' } | Pending | Complete;
}

interface Authenticator {
  id: string;
  key: string;
  lastStep: number;
}

export type Answered = { lane: 'totp'; code: string } | { lane: 'backup-code'; code: string };

/** What a right answer uses up, e.g. `KEY 58912340`. */
export type Spent = string;

export class Account {
  now = Date.UTC(2026, 0, 1);
  epoch = 0;
  isOn = false;
  authenticators: Authenticator[] = [];
  /** Keys that were replaced, removed or turned off, and enrolments that were never proven. */
  deadKeys: string[] = [];
  deadIds: string[] = [];
  support: { code: string; epoch: number; expiresAt: number } | undefined;
  codes = { live: [] as string[], used: [] as string[], dead: [] as string[] };
  lanes: Record<Lane, { failures: number; until: number }> = {
    totp: { failures: 0, until: 0 },
    'backup-code': { failures: 0, until: 0 },
  };
  password = 'first';
  readonly browsers: Browser[] = [0, 1, 2].map(() => ({ cookie: '', session: { is: 'nobody' } }));
  /** Cookies that were replaced by others. */
  readonly oldCookies: string[] = [];
  /** Everything that was accepted. */
  readonly spent = new Set<Spent>();

  readonly userId: string;

  constructor(userId: string) {
    this.userId = userId;
  }

  /** R1: the stamp's epoch is the account's. */
  isLive(browser: Browser): browser is Browser & { session: Complete } {
    return browser.session.is === 'complete' && browser.session.epoch === this.epoch;
  }

  isFresh({ proofs }: Complete): boolean {
    const methods: Method[] = this.isOn ? ['totp', 'backup-code'] : ['pwd'];
    return methods.some((method) => proofs[method] !== undefined && this.now - proofs[method] < FRESH);
  }

  /** Whether a pending login can still be answered. */
  isOpen({ epoch, expiresAt, failures }: Pending): boolean {
    return epoch === this.epoch && expiresAt > this.now && failures < ANSWERS;
  }

  /** Whether an answer of this browser would be looked at. */
  hears({ session }: Browser, name: Lane): boolean {
    if (session.is === 'nobody' || session.epoch !== this.epoch || !this.isOn) return false;
    const row = session.is === 'pending' ? session : this.#openStepUp(session);
    const { failures, until } = this.lanes[name];
    return row.failures < ANSWERS && row.expiresAt > this.now && failures < CAP && until <= this.now;
  }

  /** The steps of the window that have this code. */
  matches(code: string): { authenticator: Authenticator; step: number }[] {
    const present = Math.floor(this.now / STEP);
    return this.authenticators.flatMap((authenticator) =>
      [present - 1, present, present + 1]
        .filter((step) => codeOf(authenticator.key, step) === code)
        .map((step) => ({ authenticator, step })),
    );
  }

  /** The code of support that would be accepted. */
  liveSupportCode(): string | undefined {
    const { support } = this;
    return support?.epoch === this.epoch && support.expiresAt > this.now ? support.code : undefined;
  }

  /** @param code what the real thing has answered, where it gave one. */
  issueSupportCode(lifetime: number, code: string): Kind {
    if (!this.isOn) return 'not-enabled';
    if (this.#codes().includes(code)) throw new Error('R9 A support code is an old one.');
    if (this.support) this.codes.dead.push(this.support.code);
    this.support = { code, epoch: this.epoch, expiresAt: this.now + lifetime };
    this.lanes['backup-code'] = { failures: 0, until: 0 };
    return 'ok';
  }

  logIn(browser: Browser, isRight: boolean): Kind {
    if (!isRight) return 'unauthorized';
    if (this.isLive(browser)) return 'ok';
    const { session } = browser;
    if (session.is === 'pending' && this.isOpen(session)) return 'second-factor-required';
    const { epoch, now } = this;
    if (!this.isOn) {
      browser.session = { is: 'complete', epoch, proofs: { pwd: now } };
      return 'ok';
    }
    browser.session = { is: 'pending', epoch, firstFactorAt: now, expiresAt: now + LIFETIME, failures: 0 };
    return 'second-factor-required';
  }

  logOut(browser: Browser): Kind {
    browser.session = { is: 'nobody' };
    return 'ok';
  }

  cancel(browser: Browser): Kind {
    const refusal = this.#refuseAnonymous(browser);
    if (refusal === undefined && browser.session.is === 'pending') browser.session = { is: 'nobody' };
    return refusal ?? 'ok';
  }

  /** Of the pending login, or as a fresh proof. */
  answer(browser: Browser, answer: Answered): Kind {
    const refusal = this.#refuseAnonymous(browser);
    if (refusal !== undefined) return refusal;
    if (browser.session.is === 'pending') return this.#answerLogin(browser, browser.session, answer);
    return this.#answerStepUp(browser, answer, (session) => {
      session.proofs = { ...session.proofs, [answer.lane]: this.now };
    });
  }

  provePassword(browser: Browser, isRight: boolean): Kind {
    const session = this.#owner(browser);
    if (typeof session === 'string') return session;
    if (this.isOn) return 'proof-required';
    const row = this.#openStepUp(session);
    if (row.failures < ANSWERS) {
      row.failures += 1;
      if (isRight) {
        session.stepUp = undefined;
        session.proofs = { ...session.proofs, pwd: this.now };
        return 'ok';
      }
      if (row.failures < ANSWERS) return 'password-wrong';
    }
    browser.session = { is: 'nobody' };
    return 'attempts-exhausted';
  }

  disable(browser: Browser, answer: Answered): Kind {
    const refusal = this.#owner(browser);
    if (typeof refusal === 'string') return refusal;
    return this.#answerStepUp(browser, answer, (session) => {
      session.proofs = { ...session.proofs, [answer.lane]: this.now };
      this.#bury(this.authenticators);
      this.authenticators = [];
      this.#replaceCodes([]);
      this.isOn = false;
      this.lanes = { totp: { failures: 0, until: 0 }, 'backup-code': { failures: 0, until: 0 } };
      this.#change(session);
    });
  }

  /** @param key what the real thing has answered, where it accepted. */
  setUp(browser: Browser, replaces: string | undefined, key: string): Kind {
    const session = this.#provenOwner(browser);
    if (typeof session === 'string') return session;
    const others = this.authenticators.filter(({ id }) => id !== replaces);
    if (replaces !== undefined && others.length === this.authenticators.length) return 'not-found';
    if (others.length >= MOST_AUTHENTICATORS) return 'authenticators-full';
    if (!session.enrolment || session.enrolment.expiresAt <= this.now) {
      if (session.enrolment) this.deadKeys.push(session.enrolment.key);
      if (this.#keys().includes(key)) throw new Error('R10 A new enrolment has the secret of an old one.');
      session.enrolment = { key, expiresAt: this.now + LIFETIME };
    }
    if (session.enrolment.key !== key) throw new Error('An enrolment changed its secret.');
    return 'ok';
  }

  enable(browser: Browser, code: string, replaces: string | undefined, firstCodes: string[]): Kind {
    const session = this.#provenOwner(browser);
    if (typeof session === 'string') return session;
    const { enrolment } = session;
    if (!enrolment || enrolment.expiresAt <= this.now) return 'enrolment-expired';
    const present = Math.floor(this.now / STEP);
    const step = [present, present - 1, present + 1].find((at) => codeOf(enrolment.key, at) === code);
    if (step === undefined) return 'code-wrong';
    const replaced = this.authenticators.filter(({ id }) => id === replaces);
    if (this.isOn) {
      if (replaces !== undefined && replaced.length === 0) return 'not-found';
      if (this.authenticators.length - replaced.length >= MOST_AUTHENTICATORS) return 'authenticators-full';
    }
    this.spend(`${enrolment.key} ${String(step)}`);
    session.enrolment = undefined;
    this.#bury(replaced);
    this.authenticators = [
      ...this.authenticators.filter(({ id }) => id !== replaces),
      { id: '', key: enrolment.key, lastStep: step },
    ];
    if (replaced.length > 0) this.lanes.totp = { failures: 0, until: 0 };
    const isFirst = !this.isOn;
    this.isOn = true;
    this.#change(session);
    if (isFirst) {
      this.#replaceCodes(firstCodes);
      session.proposal = { codes: firstCodes, isLive: true, expiresAt: this.now + LIFETIME };
    }
    return 'ok';
  }

  remove(browser: Browser, id: string): Kind {
    const session = this.#provenOwner(browser);
    if (typeof session === 'string') return session;
    if (!this.isOn) return 'login-completed';
    const removed = this.authenticators.filter((authenticator) => authenticator.id === id);
    if (removed.length === 0) return 'not-found';
    if (this.authenticators.length === 1) return 'authenticator-last';
    this.#bury(removed);
    this.authenticators = this.authenticators.filter((authenticator) => authenticator.id !== id);
    this.#change(session);
    return 'ok';
  }

  /** @param codes what the real thing has answered, where it accepted. */
  proposeCodes(browser: Browser, codes: string[]): Kind {
    const session = this.#provenOwner(browser);
    if (typeof session === 'string') return session;
    if (!this.isOn) return 'not-enabled';
    if (!session.proposal || session.proposal.expiresAt <= this.now) {
      if (codes.some((code) => this.#codes().includes(code)))
        throw new Error('R9 New backup codes are old ones.');
      session.proposal = { codes, isLive: false, expiresAt: this.now + LIFETIME };
    }
    if (session.proposal.codes.join() !== codes.join()) throw new Error('R9 A proposal changed its codes.');
    return 'ok';
  }

  saveCodes(browser: Browser): Kind {
    const session = this.#owner(browser);
    if (typeof session === 'string') return session;
    const { proposal } = session;
    if (!proposal || proposal.expiresAt <= this.now) return 'proposal-missing';
    session.proposal = undefined;
    if (proposal.isLive) return 'ok';
    this.#replaceCodes(proposal.codes);
    this.lanes['backup-code'] = { failures: 0, until: 0 };
    this.#change(session);
    return 'ok';
  }

  /** Sign out everywhere else; a changed password does the same. */
  endOthers(browser: Browser): Kind {
    const session = this.#owner(browser);
    if (typeof session === 'string') return session;
    const { stepUp } = session;
    this.#change(session);
    // Or whoever may end other sessions could begin to guess anew.
    session.stepUp = stepUp;
    return 'ok';
  }

  /** R3: whatever it is, it is accepted once. */
  spend(what: Spent): void {
    if (this.spent.has(what)) throw new Error(`R3 ${what} was accepted twice.`);
    this.spent.add(what);
  }

  #answerLogin(browser: Browser, pending: Pending, answer: Answered): Kind {
    const isGone = pending.epoch !== this.epoch;
    const refusal = isGone
      ? 'login-expired'
      : (this.#count(pending, answer.lane) ?? this.#use(pending, answer));
    if (refusal === undefined) {
      const proofs = { pwd: pending.firstFactorAt, [answer.lane]: this.now };
      browser.session = { is: 'complete', epoch: this.epoch, proofs };
      return 'ok';
    }
    const isOver = refusal === 'attempts-delayed' && this.lanes[answer.lane].until >= pending.expiresAt;
    if (isOver || ['login-expired', 'attempts-exhausted'].includes(refusal))
      browser.session = { is: 'nobody' };
    return refusal;
  }

  #answerStepUp(browser: Browser, answer: Answered, succeed: (session: Complete) => void): Kind {
    const session = browser.session as Complete;
    if (!this.isOn) return 'not-enabled';
    const row = this.#openStepUp(session);
    const refusal = this.#count(row, answer.lane) ?? this.#use(row, answer);
    if (refusal === 'attempts-exhausted') browser.session = { is: 'nobody' };
    if (refusal !== undefined) return refusal;
    session.stepUp = undefined;
    succeed(session);
    return 'ok';
  }

  /** R4: counted before it is looked at. */
  #count(row: Row, name: Lane): Kind | undefined {
    const lane = this.lanes[name];
    if (row.failures >= ANSWERS) return 'attempts-exhausted';
    if (lane.failures >= CAP) return 'attempts-suspended';
    if (lane.until > this.now) return 'attempts-delayed';
    lane.failures += 1;
    row.failures += 1;
    if (delayAfter(lane.failures) > 0) lane.until = this.now + delayAfter(lane.failures);
    return undefined;
  }

  #use(row: Row, { lane, code }: Answered): Kind | undefined {
    const wrong = row.failures < ANSWERS ? 'code-wrong' : 'attempts-exhausted';
    if (lane === 'totp') {
      const [match] = this.matches(code);
      if (!match) return wrong;
      const { authenticator, step } = match;
      if (step <= authenticator.lastStep) return 'code-used';
      authenticator.lastStep = step;
      this.spend(`${authenticator.key} ${String(step)}`);
    } else {
      const isSupportCode = code === this.liveSupportCode();
      if (!isSupportCode && !this.codes.live.includes(code)) return wrong;
      this.spend(code);
      if (isSupportCode) this.support = undefined;
      this.codes.live = this.codes.live.filter((live) => live !== code);
      this.codes.used.push(code);
    }
    this.lanes[lane] = { failures: 0, until: 0 };
    return undefined;
  }

  #openStepUp(session: Complete): Row {
    if (!session.stepUp || session.stepUp.expiresAt <= this.now) {
      session.stepUp = { failures: 0, expiresAt: this.now + STEP_UP_LIFETIME };
    }
    return session.stepUp;
  }

  #refuseAnonymous(browser: Browser): Kind | undefined {
    const { session } = browser;
    if (session.is === 'pending' && session.expiresAt <= this.now) {
      browser.session = { is: 'nobody' };
      return 'login-expired';
    }
    return session.is === 'pending' || this.isLive(browser) ? undefined : 'login-required';
  }

  #owner(browser: Browser): Complete | Kind {
    const refusal = this.#refuseAnonymous(browser);
    if (refusal !== undefined) return refusal;
    return browser.session.is === 'complete' ? browser.session : 'second-factor-required';
  }

  #provenOwner(browser: Browser): Complete | Kind {
    const session = this.#owner(browser);
    return typeof session === 'string' || this.isFresh(session) ? session : 'proof-required';
  }

  /** R7: a security change ends everything but the session that made it. */
  #change(session: Complete): void {
    this.epoch += 1;
    session.epoch = this.epoch;
    for (const { session: other } of this.browsers) {
      if (other.is === 'complete' && other.enrolment) this.deadKeys.push(other.enrolment.key);
    }
    session.stepUp = session.enrolment = session.proposal = undefined;
  }

  #bury(authenticators: readonly Authenticator[]): void {
    this.deadKeys.push(...authenticators.map(({ key }) => key));
    this.deadIds.push(...authenticators.map(({ id }) => id));
  }

  #replaceCodes(codes: string[]): void {
    const { live, used, dead } = this.codes;
    this.codes = { live: codes, used: [], dead: [...dead, ...live, ...used] };
  }

  #keys(): string[] {
    return [...this.deadKeys, ...this.authenticators.map(({ key }) => key)];
  }

  #codes(): string[] {
    return Object.values(this.codes).flat();
  }
}

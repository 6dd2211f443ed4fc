import type Database from 'libsql';
import { pendingKey } from '../../src/login/pending.js';
import { problemOfPage } from '../helpers/faces.js';
import { Account, type Answered, type Browser } from './account.js';
import { type Answer, type Kind, kindOf, type Sending, type Site } from './site.js';

/** How often what came of each kind of command. */
export type Tally = Map<string, Map<string, number>>;

/** What one command sends. */
export interface Request {
  name: string;
  browser: number;
  node: number;
  path: string;
  body?: object | undefined;
  /** Sends a form, with the token of this page, in place of the call. */
  page?: string | undefined;
  /** Sends it twice in the same instant, to both nodes. */
  isTwin?: boolean;
}

interface AccountRow {
  enabled_at: number | null;
  epoch: number;
  totp_failures: number;
  totp_delayed_until: number;
  backup_code_failures: number;
  backup_code_delayed_until: number;
}

const noRow: AccountRow = {
  enabled_at: null,
  epoch: 0,
  totp_failures: 0,
  totp_delayed_until: 0,
  backup_code_failures: 0,
  backup_code_delayed_until: 0,
};

interface Where {
  user: string | null;
  isPending: boolean;
  handle: string | null;
}

/** One sequence of commands: a user of its own on the real thing, beside the account as it should be. */
export class Run {
  readonly account: Account;
  readonly #site: Site;
  readonly #database: Database.Database;
  readonly #tally: Tally;

  constructor(userId: string, site: Site, database: Database.Database, tally: Tally) {
    this.account = new Account(userId);
    this.#site = site;
    this.#database = database;
    this.#tally = tally;
  }

  /** Sends a request, compares what came of it with what `predict` does to the account, and looks at everything. */
  async perform(request: Request, predict: (browser: Browser, answer: Answer) => Kind): Promise<void> {
    const { account } = this;
    const browser = account.browsers[request.browser]!;
    const cookieBefore = browser.cookie;
    const sending = { cookie: browser.cookie, now: account.now, path: request.path, body: request.body };
    const nodes = request.isTwin ? [request.node, 1 - request.node] : [request.node];
    const answers =
      request.page === undefined
        ? await Promise.all(nodes.map((node) => this.#site.send({ ...sending, node })))
        : [await this.#sendForm({ ...sending, node: request.node }, request.page)];
    const kinds = answers.map((answer) => (request.page === undefined ? kindOf(answer) : kindOfPage(answer)));
    for (const kind of kinds) count(this.#tally, request.name, kind);

    const first = Math.max(0, kinds.indexOf('ok'));
    const expected = predict(browser, answers[first]!);
    const isEnded = expected === 'ok' && isEndedByTwin(kinds);
    if (isEnded) browser.session = { is: 'nobody' };
    else this.#compare(request, kinds, expected);
    // A twin that changes nothing more: the account does it again.
    if (request.isTwin && expected !== 'ok') predict(browser, answers[0]!);
    const cookie = answers[first]!.cookie ?? answers.find((answer) => answer.cookie !== undefined)?.cookie;
    this.#keepCookie(browser, cookie);
    await this.#look(request.isTwin && expected === 'ok' ? [browser] : [], cookieBefore);
  }

  /**
   * Sends one right answer from two browsers in the same instant, to both nodes: one of them is accepted (R3). Both can take an
   * answer.
   */
  async race(name: string, browsers: [Browser, Browser], answered: Answered, path: string): Promise<void> {
    const { now } = this.account;
    const body = { code: answered.code };
    const answers = await Promise.all(
      browsers.map(({ cookie }, node) => this.#site.send({ node, cookie, now, path, body })),
    );
    const kinds = answers.map(kindOf);
    for (const kind of kinds) count(this.#tally, name, kind);
    if (kinds.filter((kind) => kind === 'ok').length !== 1) {
      throw new Error(`R3 "${name}" led to ${kinds.join(' and ')}; the rules say that one is accepted.`);
    }
    const winner = kinds.indexOf('ok');
    const [won, lost] = [browsers[winner]!, browsers[1 - winner]!];
    this.account.answer(won, answered);
    const cookiesBefore = browsers.map(({ cookie }) => cookie);
    for (const [index, { cookie }] of answers.entries()) this.#keepCookie(browsers[index]!, cookie);
    // Its answer may have been the last one that it had, or one that is not looked at.
    const isOver = ['attempts-exhausted', 'attempts-delayed'].includes(kinds[1 - winner]!);
    if (isOver && (await this.#where(lost.cookie, 0)).handle === null) lost.session = { is: 'nobody' };
    await this.#look(browsers, cookiesBefore[winner]!);
  }

  #keepCookie(browser: Browser, cookie: string | undefined): void {
    if (cookie === undefined || cookie === browser.cookie) return;
    if (browser.cookie !== '') this.account.oldCookies.push(browser.cookie);
    browser.cookie = cookie;
  }

  /** Tries a cookie that was replaced by another. */
  async tryOldCookie(name: string, nth: number, node: number, path: string, body?: object): Promise<void> {
    const { oldCookies, now } = this.account;
    if (oldCookies.length === 0) return;
    const cookie = oldCookies[nth % oldCookies.length]!;
    const kind = kindOf(await this.#site.send({ cookie, now, node, path, body }));
    count(this.#tally, name, kind);
    if (kind !== 'login-required') throw new Error(`R1 R5 A cookie that was replaced led to ${kind}.`);
    await this.#look([], cookie);
  }

  /** Asks without changing anything. */
  async ask(request: Pick<Request, 'browser' | 'node' | 'path'>): Promise<Answer> {
    const { cookie } = this.account.browsers[request.browser]!;
    return this.#site.send({ node: request.node, path: request.path, cookie, now: this.account.now });
  }

  count(name: string, outcome: string): void {
    count(this.#tally, name, outcome);
  }

  async #sendForm(sending: Sending, page: string): Promise<Answer> {
    const { text } = await this.#site.send({ ...sending, path: page, body: undefined, isForm: true });
    const token = /name="second_factor_token" value="([^"]+)"/.exec(text)?.[1];
    if (token === undefined) throw new Error(`The page ${page} has no form: ${text.slice(0, 1_000)}`);
    const body = { second_factor_token: token, return_to: '/where', ...sending.body };
    return this.#site.send({ ...sending, body, isForm: true });
  }

  #compare({ name, isTwin }: Request, kinds: readonly Kind[], expected: Kind): void {
    const accepted = kinds.filter((kind) => kind === 'ok').length;
    const isReading = ['set up', 'propose codes'].includes(name);
    // What is read is read twice; a password is right twice, and codes that are saved already are saved.
    const isHarmless = isReading || ['prove the password', 'save codes'].includes(name);
    const most = expected !== 'ok' ? 0 : isTwin && isHarmless ? 2 : 1;
    const isWhole = !isReading || accepted === 0 || accepted === kinds.length;
    if (kinds.includes(expected) && accepted <= most && isWhole) return;
    throw new Error(`"${name}" led to ${kinds.join(' and ')}; the rules say ${expected}.`);
  }

  /** The invariants, after each command. @param raced browsers that an answer was accepted of while another was sent. */
  async #look(raced: readonly Browser[], cookieBefore: string): Promise<void> {
    const { account } = this;
    const wheres = await Promise.all(
      account.browsers.map((browser, node) => this.#where(browser.cookie, node % 2)),
    );
    for (const [index, browser] of account.browsers.entries()) {
      const { user, isPending } = wheres[index]!;
      const said = `browser ${String(index)} (${browser.session.is})`;
      if ((user === account.userId) !== account.isLive(browser)) {
        throw new Error(`R1 R7 ${said} is ${user ?? 'nobody'}, at epoch ${String(account.epoch)}.`);
      }
      if (isPending !== (browser.session.is === 'pending'))
        throw new Error(`R2 ${said} is pending: ${String(isPending)}.`);
    }
    const isReplaced = cookieBefore !== '' && account.browsers.every(({ cookie }) => cookie !== cookieBefore);
    if (isReplaced && (await this.#where(cookieBefore, 1)).user !== null)
      throw new Error('R5 The cookie before still works.');
    if (raced.length > 0) this.#adoptLanes();
    for (const browser of raced) this.#adoptRow(browser, wheres[account.browsers.indexOf(browser)]!.handle);
    this.#compareRecords();
  }

  async #where(cookie: string, node: number): Promise<Where> {
    if (cookie === '') return { user: null, isPending: false, handle: null };
    const answer = await this.#site.send({ node, cookie, now: this.account.now, path: '/where' });
    if (answer.status !== 200)
      throw new Error(`/where answered ${String(answer.status)}: ${answer.text.slice(0, 500)}`);
    return answer.body as unknown as Where;
  }

  /** Who loses a race may still have spent an answer after the winner's success, and no more. */
  #adoptLanes(): void {
    const { lanes } = this.account;
    const row = this.#readAccount();
    if (row.totp_failures === lanes.totp.failures + 1) lanes.totp.failures += 1;
    if (row.backup_code_failures === lanes['backup-code'].failures + 1) lanes['backup-code'].failures += 1;
  }

  /** The same of its session. */
  #adoptRow({ session }: Browser, handle: string | null): void {
    if (session.is === 'nobody' || handle === null) return;
    const purpose = session.is === 'pending' ? 'login' : 'step-up';
    const key = pendingKey(purpose, { handle, userId: this.account.userId, epoch: session.epoch });
    const found = this.#database
      .prepare('SELECT failures, expires_at FROM two_factor_pending WHERE handle_hash = ? AND epoch = ?')
      .get([key.handleHash, session.epoch]) as { failures: number; expires_at: number } | undefined;
    const row = session.is === 'pending' ? session : session.stepUp;
    if (!found || found.failures > (row?.failures ?? 0) + 1) return;
    if (session.is === 'pending') session.failures = found.failures;
    else session.stepUp = { failures: found.failures, expiresAt: found.expires_at };
  }

  #readAccount(): AccountRow {
    const row = this.#database
      .prepare('SELECT * FROM two_factor_auth WHERE user_id = ?')
      .get([this.account.userId]) as AccountRow | undefined;
    return row ?? noRow;
  }

  #compareRecords(): void {
    const { account } = this;
    const row = this.#readAccount();
    const authenticators = this.#database
      .prepare('SELECT last_step FROM two_factor_authenticators WHERE user_id = ? ORDER BY last_step')
      .all([account.userId]) as { last_step: number }[];
    const codes = this.#database
      .prepare(
        'SELECT count(*) AS n FROM two_factor_backup_codes JOIN two_factor_backup_sets s ON s.id = set_id WHERE s.user_id = ? AND used_at IS NULL',
      )
      .get([account.userId]) as { n: number };
    const real = {
      isOn: row.enabled_at !== null,
      epoch: row.epoch,
      totp: { failures: row.totp_failures, until: row.totp_delayed_until },
      backupCode: {
        failures: row.backup_code_failures,
        until: row.backup_code_delayed_until,
      },
      steps: authenticators.map((authenticator) => authenticator.last_step),
      codes: codes.n,
    };
    const said = {
      isOn: account.isOn,
      epoch: account.epoch,
      totp: account.lanes.totp,
      backupCode: account.lanes['backup-code'],
      steps: account.authenticators.map(({ lastStep }) => lastStep).sort((a, b) => a - b),
      codes: account.codes.live.length,
    };
    if (JSON.stringify(real) === JSON.stringify(said)) return;
    throw new Error(
      `R3 R4 R7 The database has ${JSON.stringify(real)}; the rules say ${JSON.stringify(said)}.`,
    );
  }
}

/**
 * The fifth answer of a step-up was right and is used up, and its twin, which had none left, ended the session before the new
 * one was made. Nobody is let in, and whoever it was signs in again.
 */
function isEndedByTwin(kinds: readonly Kind[]): boolean {
  return kinds.includes('session-missing') && kinds.includes('attempts-exhausted');
}

function count(tally: Tally, name: string, outcome: string): void {
  const outcomes = tally.get(name) ?? new Map<string, number>();
  tally.set(name, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
}

/** The same of a page. */
function kindOfPage(answer: Answer): Kind {
  const { location } = answer.headers;
  if (location === '/login') return 'attempts-exhausted';
  if (location === '/two-factor/backup-codes') return 'proposal-missing';
  if (answer.status === 303) return 'ok';
  const code = problemOfPage(answer.text);
  if (code === undefined)
    throw new Error(`A page says something unknown: ${String(answer.status)} ${answer.text}`);
  return code;
}

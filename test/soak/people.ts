import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type KeptFactor, Visitor, type Visiting } from '../helpers/visitor.js';

/** What should not have happened, in words; and how often each thing was done. */
export interface Diary {
  letIn: string[];
  acceptedTwice: string[];
  failed: string[];
  done: Record<string, number>;
}

const STEP = 30_000;
const ACCOUNT = '/account';
const CHALLENGE = '/two-factor/challenge';
const CODES = '/two-factor/backup-codes';

/** Somebody with a second factor who comes again and again, with a browser of each time. */
export class Person {
  #factor: KeptFactor = { code: () => '', backupCodes: [] };
  /** The last time step that was used up. */
  #usedStep = 0;

  private constructor(
    private readonly name: string,
    private readonly nodes: readonly string[],
    private readonly visiting: Visiting,
    private readonly diary: Diary,
  ) {}

  static async create(
    name: string,
    nodes: readonly string[],
    visiting: Visiting,
    diary: Diary,
  ): Promise<Person> {
    const person = new Person(name, nodes, visiting, diary);
    const visitor = person.#browser();
    await visitor.register(name);
    await person.#setUp(visitor);
    return person;
  }

  /** One visit: sign in, look at pages, change something perhaps, sign out. */
  async visit(pause: () => Promise<void>): Promise<void> {
    const visitor = await this.#signIn();
    for (let pages = randomInt(3, 10); pages > 0; pages--) {
      await pause();
      const page = ['/account', '/account', '/two-factor', '/two-factor/activity'][randomInt(4)] ?? '';
      const { status } = await visitor.get(page);
      this.#note('failed', status !== 200, `${page} answered ${String(status)}`);
    }
    const change = randomInt(20);
    if (change === 0) await this.#turnOffAndOn(visitor);
    else if (change <= 2 || this.#factor.backupCodes.length < 4) await this.#renewCodes(visitor);
    else if (change === 3) await visitor.submit('/two-factor/sign-out-elsewhere', {}, '/two-factor');
    const { status } = await visitor.submit('/logout', {}, ACCOUNT);
    this.#note('letIn', status < 400 && (await visitor.isSignedIn()), 'after signing out');
    this.#count('visits');
  }

  /** @returns the browser that is in. */
  async #signIn(): Promise<Visitor> {
    let visitor = this.#browser();
    await visitor.signIn(this.name);
    if (randomInt(5) === 0) this.#note('letIn', await visitor.isSignedIn(), 'by the password');
    const way = randomInt(20);
    if (way === 0) {
      await visitor.answer('000000');
      this.#count('wrong codes');
      this.#note('letIn', await visitor.isSignedIn(), 'by a wrong code');
    }
    if (way <= 2)
      visitor = await this.#race(visitor, this.#factor.backupCodes.shift() ?? '', 'a backup code');
    else if (way <= 5) visitor = await this.#race(visitor, await this.#freshCode(), 'a code');
    else await visitor.answer(await this.#freshCode());
    this.#count('logins');
    this.#note('failed', !(await visitor.isSignedIn()), 'not in with the right code');
    return visitor;
  }

  /** The same code by two logins at once: only one may have it. @returns that one. */
  async #race(visitor: Visitor, code: string, what: string): Promise<Visitor> {
    const rival = this.#browser();
    await rival.signIn(this.name);
    const [own, others] = await Promise.all([visitor.hidden(CHALLENGE), rival.hidden(CHALLENGE)]);
    await Promise.all([
      visitor.post(CHALLENGE, { ...own, code }, 0),
      rival.post(CHALLENGE, { ...others, code }, 1),
    ]);
    const [isIn, isRivalIn] = await Promise.all([visitor.isSignedIn(), rival.isSignedIn()]);
    this.#count('races for one code');
    this.#note('acceptedTwice', isIn && isRivalIn, what);
    this.#note('failed', !isIn && !isRivalIn, `${what} accepted for nobody`);
    return isRivalIn ? rival : visitor;
  }

  async #turnOffAndOn(visitor: Visitor): Promise<void> {
    await visitor.submit('/two-factor/disable', { code: this.#factor.backupCodes.shift() ?? '' });
    await this.#setUp(visitor);
    this.#count('turned off and on');
  }

  async #setUp(visitor: Visitor): Promise<void> {
    this.#factor = await visitor.setUp();
    this.#usedStep = Math.floor(Date.now() / STEP);
    this.#note('failed', this.#factor.backupCodes.length !== 10, 'set-up without ten backup codes');
  }

  async #renewCodes(visitor: Visitor): Promise<void> {
    await visitor.submit(CODES, {}, '/two-factor');
    const codes = await visitor.readBackupCodes();
    if (codes.length === 10) this.#factor.backupCodes = codes;
    else this.#note('failed', true, 'no ten new backup codes');
    await visitor.submit(`${CODES}/saved`, {}, CODES);
    this.#count('new backup codes');
  }

  /** A code of a step that was not used: waits for one where it must. */
  async #freshCode(): Promise<string> {
    while (Math.floor(Date.now() / STEP) <= this.#usedStep) await wait(1_000);
    this.#usedStep = Math.floor(Date.now() / STEP);
    return this.#factor.code();
  }

  #browser(): Visitor {
    return new Visitor(this.nodes, { ...this.visiting, balanced: true });
  }

  #count(what: string): void {
    this.diary.done[what] = (this.diary.done[what] ?? 0) + 1;
  }

  #note(kind: 'letIn' | 'acceptedTwice' | 'failed', isSo: boolean, what: string): void {
    if (!isSo) return;
    this.diary[kind].push(`${this.name}: ${what}`);
    process.stdout.write(`${new Date().toISOString()} ${kind} ${this.name} ${what}\n`);
  }
}

import { setTimeout as wait } from 'node:timers/promises';
import { SECOND, systemClock } from '../clock.js';
import { randomToken } from '../crypto/random.js';
import { totpCode } from '../testing/totp-code.js';
import type { Fields } from './html.js';
import type { Manifest, PreparedUser } from './manifest.js';
import { skip, Verdict } from './verdict.js';

type Totp = Manifest['totp'];

/** How long a code must still be good for when it is handed out. */
const MARGIN = 4 * SECOND;

/** A user of the application, with what that user knows and holds. */
export class Person {
  readonly username: string;
  readonly email: string;
  password: string;
  /** Base32; `undefined` while there is no second factor. */
  secret: string | undefined;
  backupCodes: string[];
  /** The status that “I have saved these” was answered with. */
  savedWith: number | undefined;
  #lastStep = 0;

  /** @param isPrepared whether the manifest names this user. */
  constructor(
    user: PreparedUser,
    readonly isPrepared = true,
  ) {
    this.username = user.username;
    this.email = user.email ?? '';
    this.password = user.password;
    this.secret = user.secret?.replace(/\s/g, '').toUpperCase();
    this.backupCodes = [...user.backupCodes];
  }

  static random(): Person {
    const name = `c${randomToken()
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 14)
      .toLowerCase()}`;
    // Every kind of character that a rule for passwords may ask for.
    const password = `Aa1-${randomToken().slice(0, 20)}`;
    const email = `${name}@conformance.example`;
    return new Person({ username: name, email, password, backupCodes: [] }, false);
  }

  /** What placeholders stand for. */
  values(): Fields {
    const { username, email, password } = this;
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    return { username, email, password, basic, newPassword: `${password}-new` };
  }

  /** A backup code of this person's. @throws Verdict where there are not as many: an empty one would be refused for nothing. */
  backupCode(index = 0): string {
    const code = this.backupCodes[index];
    if (code !== undefined) return code;
    if (this.isPrepared) skip('needs more `backupCodes` of a user in users.prepared');
    throw new Verdict(
      'unclear',
      `backupCodes.pattern: ${this.backupCodes.length} codes were found, and more are needed. Correct it.`,
    );
  }

  /** The oldest code that is newer than the last one and still accepted; waits for the next one where there is none. */
  async nextCode(totp: Totp, offset: number): Promise<string> {
    const period = totp.period * SECOND;
    for (;;) {
      const now = systemClock() + offset;
      const step = Math.floor(now / period);
      const left = period - (now % period);
      const oldest = step - totp.past + (left < MARGIN ? 1 : 0);
      const next = Math.max(this.#lastStep + 1, oldest);
      if (next <= step + totp.future) {
        this.#lastStep = next;
        return this.#codeOf(next, totp);
      }
      await wait(left + 100);
    }
  }

  /** Codes of no step that could be accepted, all different. */
  wrongCodes(totp: Totp, offset: number, amount: number): string[] {
    const step = Math.floor((systemClock() + offset) / (totp.period * SECOND));
    const near = new Set<string>();
    for (let at = step - totp.past - 12; at <= step + totp.future + 12; at += 1)
      near.add(this.#codeOf(at, totp));
    const codes: string[] = [];
    for (let number = 123_457; codes.length < amount; number += 7_919) {
      const code = String(number % 10 ** totp.digits).padStart(totp.digits, '0');
      if (!near.has(code)) codes.push(code);
    }
    return codes;
  }

  #codeOf(step: number, { algorithm, digits, period }: Totp): string {
    return totpCode(this.secret ?? '', step * period * SECOND, { algorithm, digits, period });
  }
}

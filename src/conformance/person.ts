import { SECOND, systemClock } from '../clock.js';
import { randomToken } from '../crypto/random.js';
import { createVirtualAuthenticator, type VirtualAccount } from '../testing/authenticator.js';
import { totpCode } from '../testing/totp-code.js';
import type { Fields } from './html.js';
import type { Manifest, PreparedUser } from './manifest.js';
import { skip, Verdict } from './verdict.js';

type Totp = Manifest['totp'];

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
  /** In this person's authenticator app, by their keys. */
  readonly #accounts = new Map<string, VirtualAccount>();

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
  nextCode({ past, future, ...parameters }: Totp, offset: number): Promise<string> {
    const key = this.secret ?? '';
    let account = this.#accounts.get(key);
    if (!account) {
      account = createVirtualAuthenticator({ offset, window: { past, future } }).add(key, parameters);
      this.#accounts.set(key, account);
    }
    return account.nextCode();
  }

  /** Codes of no step that could be accepted, all different. */
  wrongCodes(totp: Totp, offset: number, amount: number): string[] {
    const { past, future, ...parameters } = totp;
    const period = parameters.period * SECOND;
    const step = Math.floor((systemClock() + offset) / period);
    const near = new Set<string>();
    for (let at = step - past - 12; at <= step + future + 12; at += 1)
      near.add(totpCode(this.secret ?? '', at * period, parameters));
    const codes: string[] = [];
    for (let number = 123_457; codes.length < amount; number += 7_919) {
      const code = String(number % 10 ** totp.digits).padStart(totp.digits, '0');
      if (!near.has(code)) codes.push(code);
    }
    return codes;
  }
}

import { setTimeout as wait } from 'node:timers/promises';
import { type Clock, SECOND, systemClock } from '../clock.js';
import type { TotpParameters } from '../model.js';
import { type KeyUri, readKeyUri } from '../totp/key-uri.js';
import { defaultParameters, type Window } from '../totp/match-step.js';
import type { TestClock } from './clock.js';
import { readKey, totpCode } from './totp-code.js';

/** For how long a code is still good, at least, when it is handed out: somebody has to type it. */
const MARGIN = 5 * SECOND;

/** How the phone's clock goes, and what the application takes. */
export interface VirtualAuthenticatorOptions {
  /** What the phone tells the time by. Default the real clock. A test clock is moved where somebody would have to wait. */
  clock?: Clock;
  /** How far the phone's clock is ahead of it, in milliseconds; negative behind. Default 0. */
  offset?: number;
  /** How many steps before and after the present one the application accepts (`totp.window`). Default one each. */
  window?: Window;
}

/** One entry of an authenticator app. */
export interface VirtualAccount extends TotpParameters {
  /** The service; `''` where the URI did not say. */
  issuer: string;
  /** Whose account it is there; `''` as well. */
  label: string;
  /** Raw bytes. */
  secret: Uint8Array;
  /** The code that the app shows now; `steps` time steps later or, negative, earlier. */
  code(steps?: number): string;
  /**
   * The oldest code that the application still accepts and that was not shown before, so that it cannot have been used; good for
   * at least 5 s (a quarter of a short step). Where there is none, it waits for the next step, which a test clock is moved to.
   */
  nextCode(): Promise<string>;
}

/** Plays an authenticator app. */
export interface VirtualAuthenticator {
  /** In the order in which they were added. */
  readonly accounts: readonly VirtualAccount[];
  /**
   * Adds an account, as scanning a QR code or typing a key does.
   * @param text the `otpauth:` URI, which is also the text of the QR code; or the key as the set-up page shows it.
   * @param parameters of a key, which says nothing of them. Default SHA-1, 6 digits, 30 seconds.
   * @throws Error where it is neither, or is for codes of another kind.
   */
  add(text: string, parameters?: Partial<TotpParameters>): VirtualAccount;
}

/** Makes an authenticator app without accounts. */
export function createVirtualAuthenticator(options: VirtualAuthenticatorOptions = {}): VirtualAuthenticator {
  const accounts: VirtualAccount[] = [];
  return {
    accounts,
    add(text, parameters = {}) {
      const account = createAccount(readEntry(text, parameters), options);
      accounts.push(account);
      return account;
    },
  };
}

/** What an authenticator app keeps of an account. */
type Entry = Omit<VirtualAccount, 'code' | 'nextCode'>;

function createAccount(entry: Entry, options: VirtualAuthenticatorOptions): VirtualAccount {
  const { clock = systemClock, offset = 0, window = { past: 1, future: 1 } } = options;
  const period = entry.period * SECOND;
  const margin = Math.min(MARGIN, period / 4);
  const now = (): number => clock() + offset;
  let lastShown = -Infinity;
  const show = (step: number): string => {
    lastShown = Math.max(lastShown, step);
    return totpCode(entry.secret, step * period, entry);
  };
  return {
    ...entry,
    code: (steps = 0) => show(Math.floor(now() / period) + steps),
    async nextCode() {
      for (;;) {
        const time = now();
        const step = Math.floor(time / period);
        const left = period - (time % period);
        const oldest = step - window.past + (left < margin ? 1 : 0);
        const next = Math.max(lastShown + 1, oldest);
        if (next <= step + window.future) return show(next);
        if (isTestClock(clock)) clock.advance(left);
        else await wait(left + 100);
      }
    },
  };
}

function isTestClock(clock: Clock): clock is TestClock {
  return 'advance' in clock;
}

function readEntry(text: string, given: Partial<TotpParameters>): Entry {
  const isUri = /^\s*otpauth:/i.test(text);
  const { secret, parameters, ...names } = isUri
    ? readUri(text.trim())
    : { issuer: '', label: '', secret: text, parameters: given };
  const { algorithm, digits, period } = { ...defaultParameters, ...parameters };
  const isKnown = ['sha1', 'sha256', 'sha512'].includes(algorithm) && [6, 8].includes(digits) && period >= 1;
  if (!isKnown)
    throw new Error('Codes have SHA-1, SHA-256 or SHA-512, 6 or 8 digits, and a period in seconds.');
  return { ...names, secret: readKey(secret), algorithm, digits, period };
}

function readUri(text: string): KeyUri {
  const uri = URL.canParse(text) ? new URL(text) : undefined;
  const read = uri?.host.toLowerCase() === 'totp' ? readKeyUri(uri) : undefined;
  if (!read) throw new Error('This is no key URI of TOTP codes: those begin with otpauth://totp/.');
  const [, prefix = '', rest = read.label] = /^([^:]*):\s*(.*)$/s.exec(read.label) ?? [];
  const issuer = read.issuer || prefix;
  return { ...read, issuer, label: prefix === issuer ? rest : read.label };
}

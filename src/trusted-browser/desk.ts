import type { Request } from 'express';
import { z } from 'zod';
import type { KeyRing } from '../crypto/key-ring.js';
import { nameBrowser, readSource } from '../http/source.js';
import type { TrustedBrowser } from '../model.js';
import type { Settings } from '../settings.js';
import { BrowserCookie, type Entry, entryShape } from './cookie.js';
import type { KnownBrowsers } from './known-browsers.js';
import type { BrowserOwner, TrustedBrowserFlow, TrustToken } from './flow.js';

/** The cookie holds eight of them. */
const LONGEST_NAME = 64;

/** A trusted browser as its owner sees it. */
export interface ListedBrowser extends Pick<
  TrustedBrowser,
  'id' | 'name' | 'createdAt' | 'lastUsedAt' | 'expiresAt'
> {
  /** Whether it is the one that asks. */
  isThis: boolean;
}

/** What is known of the browser of a request. */
export interface Browsers {
  trusted: TrustedBrowserDesk;
  known: KnownBrowsers;
}

/** Trust in a request: the record decides, and the browser keeps what names it. */
export class TrustedBrowserDesk {
  readonly #flow: TrustedBrowserFlow;
  readonly #settings: Settings;
  readonly #cookie: BrowserCookie<Entry & TrustToken>;

  constructor(flow: TrustedBrowserFlow, settings: Settings, ring: KeyRing) {
    this.#flow = flow;
    this.#settings = settings;
    this.#cookie = new BrowserCookie(
      'second-factor-trust',
      z.strictObject({ ...entryShape, id: z.string(), token: z.string(), name: z.string().nullable() }),
      settings.trustedBrowsers?.lifetime ?? 0,
      settings,
      ring,
    );
  }

  /** Whether this browser's trust stands for the second step of a login whose first factor was right. */
  async isTrusted(request: Request, user: Express.User, owner: BrowserOwner): Promise<boolean> {
    const kept = this.#cookie.find(request, owner.userId);
    // A browser that cannot be given the next token would look like a thief's at its next login.
    if (!kept || !this.#cookie.canKeep(request) || !(await this.#isAllowed(request, user))) return false;
    const recognition = await this.#flow.recognise(owner, kept, readSource(request));
    const isTrusted = recognition.kind === 'trusted';
    if (isTrusted) this.#cookie.keep(request, owner.userId, recognition.next);
    else this.#cookie.drop(request, owner.userId);
    return isTrusted;
  }

  /** Trusts this browser. The caller has just seen a right answer to this login. @returns whether it is trusted now. */
  async trust(request: Request, user: Express.User, owner: BrowserOwner): Promise<boolean> {
    if (!this.#cookie.canKeep(request) || !(await this.#isAllowed(request, user))) return false;
    const source = readSource(request);
    const name = nameBrowser(source.browser)?.slice(0, LONGEST_NAME) ?? null;
    const before = this.#cookie.find(request, owner.userId);
    const token = await this.#flow.trust(owner, name, before, source);
    if (token) this.#cookie.keep(request, owner.userId, token);
    return token !== undefined;
  }

  async list(request: Request, owner: BrowserOwner): Promise<ListedBrowser[]> {
    const kept = this.#cookie.find(request, owner.userId);
    const browsers = await this.#flow.list(owner);
    return browsers.map(({ id, name, createdAt, lastUsedAt, expiresAt }) => ({
      ...{ id, name, createdAt, lastUsedAt, expiresAt },
      isThis: id === kept?.id,
    }));
  }

  /** Ends the trust of one of the owner's browsers, or of all (`null`). @returns those whose trust was ended. */
  async revoke(request: Request, owner: BrowserOwner, id: string | null): Promise<TrustedBrowser[]> {
    const revoked = await this.#flow.revoke(owner, id, readSource(request));
    const kept = this.#cookie.find(request, owner.userId);
    if (revoked.some((browser) => browser.id === kept?.id)) this.#cookie.drop(request, owner.userId);
    return revoked;
  }

  async #isAllowed(request: Request, user: Express.User): Promise<boolean> {
    const { trustedBrowsers } = this.#settings;
    if (!trustedBrowsers) return false;
    const { rules } = trustedBrowsers;
    const verdict: unknown = rules.allow ? await rules.allow(request, user) : true;
    return verdict === true;
  }
}

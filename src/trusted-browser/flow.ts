import type { Journal } from '../audit/journal.js';
import { sha256 } from '../crypto/hash.js';
import { randomId, randomToken } from '../crypto/random.js';
import type { Source } from '../http/source.js';
import type { TrustedBrowser } from '../model.js';
import { TOKEN_GRACE } from '../limits.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';

/** Whose browser. */
export interface BrowserOwner {
  userId: string;
  epoch: number;
}

/** What a trusted browser keeps. */
export interface TrustToken {
  /** Names the record. */
  id: string;
  /** Works for one login; the next one has its place then. */
  token: string;
  /** When the browser was trusted. */
  since: number;
  /** As in the record. */
  name: string | null;
}

/** What a browser's token has led to. */
export type Recognition =
  /** The login goes on without a code; `next` is for the browser to keep. */
  | { kind: 'trusted'; next: TrustToken }
  /** The browser is not trusted, or not any more, for example since the token was used before: somebody has a copy. */
  | { kind: 'unknown' };

export interface TrustedBrowserFlow {
  /**
   * Trusts a browser, right after a right answer.
   * @param replaces what the browser kept before.
   * @returns what it is to keep, or `undefined` where the account has changed meanwhile.
   */
  trust(
    owner: BrowserOwner,
    name: string | null,
    replaces: TrustToken | undefined,
    source: Source,
  ): Promise<TrustToken | undefined>;
  /** Makes use of a browser's token at a login of its owner. One transaction. */
  recognise(owner: BrowserOwner, kept: TrustToken, source: Source): Promise<Recognition>;
  /** Those that are trusted now. */
  list(owner: BrowserOwner): Promise<TrustedBrowser[]>;
  /** Ends the trust of one browser, or of all (`null`). @returns those whose trust was ended. */
  revoke(owner: BrowserOwner, id: string | null, source: Source): Promise<TrustedBrowser[]>;
}

export function createTrustedBrowserFlow(
  { clock, trustedBrowsers }: Settings,
  storage: Storage,
  journal: Journal,
): TrustedBrowserFlow {
  const lifetime = trustedBrowsers?.lifetime ?? 0;

  async function list({ userId, epoch }: BrowserOwner): Promise<TrustedBrowser[]> {
    const now = clock();
    const found = await storage.listTrustedBrowsers(userId);
    // Also those of a time when browsers were trusted for longer.
    return found.filter(
      (browser) => browser.epoch === epoch && browser.expiresAt > now && now - browser.createdAt < lifetime,
    );
  }

  return {
    list,

    async trust({ userId, epoch }, name, replaces, source) {
      const now = clock();
      const fresh: TrustToken = { id: randomId(), token: randomToken(), since: now, name };
      const browser = {
        ...{ id: fresh.id, userId, epoch, name },
        tokenHash: sha256(fresh.token),
        previousHash: null,
        createdAt: now,
        lastUsedAt: null,
        expiresAt: now + lifetime,
      };
      const events = [journal.draft('browser.trusted', userId, source, describe(fresh))];
      if (!(await storage.trustBrowser({ browser, replaces: replaces?.id ?? null, events })))
        return undefined;
      journal.publish(events);
      return fresh;
    },

    async recognise({ userId, epoch }, kept, source) {
      const { id, token } = kept;
      const next = { ...kept, token: deriveNext(token) };
      const events = {
        trusted: journal.draft('login.trusted', userId, source, describe(kept)),
        stolen: journal.draft('browser.stolen', userId, source, describe(kept)),
      };
      const result = await storage.useToken({
        ...{ id, userId, epoch, tokenHash: sha256(token), nextHash: sha256(next.token) },
        ...{ grace: TOKEN_GRACE, now: clock(), events },
      });
      switch (result) {
        case 'rotated':
        case 'recent':
          journal.publish([events.trusted]);
          return { kind: 'trusted', next };
        case 'stolen':
          journal.publish([events.stolen]);
          return { kind: 'unknown' };
        case 'gone':
          return { kind: 'unknown' };
      }
    },

    async revoke(owner, id, source) {
      const { userId } = owner;
      const doomed = (await list(owner)).filter((browser) => id === null || browser.id === id);
      const events = doomed.map((browser) =>
        journal.draft('browser.revoked', userId, source, describe(browser)),
      );
      // Of two requests that end the same trust, one has ended it.
      if ((await storage.deleteTrustedBrowsers({ userId, id, events })) === 0) return [];
      journal.publish(events);
      return doomed;
    },
  };
}

/** For events. */
function describe({ name }: { name: string | null }): { browser: string } {
  return { browser: name ?? '?' };
}

/**
 * Requests that a browser has sent side by side with one token get one and the same next one, so that it does not matter
 * which answer comes last. Tokens travel sealed: whoever has a copy of one can compute nothing from it.
 */
function deriveNext(token: string): string {
  return sha256(`next:${token}`);
}

import { sha256 } from '../crypto/hash.js';
import { randomId, randomToken } from '../crypto/random.js';
import type { TrustedBrowser } from '../model.js';
import { type Settings, TOKEN_GRACE } from '../settings.js';
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
}

/** What a browser's token has led to; `name` is the browser's. */
export type Recognition =
  /** The login goes on without a code; `next` is for the browser to keep. */
  | { kind: 'trusted'; next: TrustToken; name: string | null }
  /** The token was used before: somebody has a copy, and the browser is trusted no more. */
  | { kind: 'stolen'; name: string | null }
  /** The browser is not trusted (any more). */
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
  ): Promise<TrustToken | undefined>;
  /** Makes use of a browser's token at a login of its owner. Two statements. */
  recognise(owner: BrowserOwner, kept: TrustToken): Promise<Recognition>;
  /** Those that are trusted now. */
  list(owner: BrowserOwner): Promise<TrustedBrowser[]>;
  /** Ends the trust of one browser, or of all (`null`). @returns those whose trust was ended. */
  revoke(owner: BrowserOwner, id: string | null): Promise<TrustedBrowser[]>;
}

export function createTrustedBrowserFlow(
  { clock, trustedBrowsers }: Settings,
  storage: Storage,
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

    async trust({ userId, epoch }, name, replaces) {
      const now = clock();
      const fresh: TrustToken = { id: randomId(), token: randomToken(), since: now };
      const browser = {
        ...{ id: fresh.id, userId, epoch, name },
        tokenHash: sha256(fresh.token),
        previousHash: null,
        createdAt: now,
        lastUsedAt: null,
        expiresAt: now + lifetime,
      };
      return (await storage.trustBrowser(browser, replaces?.id ?? null)) ? fresh : undefined;
    },

    async recognise({ userId, epoch }, { id, token, since }) {
      const next = { id, token: deriveNext(token), since };
      const hashes = { tokenHash: sha256(token), nextHash: sha256(next.token) };
      const result = await storage.useToken({
        id,
        userId,
        epoch,
        ...hashes,
        grace: TOKEN_GRACE,
        now: clock(),
      });
      switch (result.kind) {
        case 'rotated':
        case 'recent':
          return { kind: 'trusted', next, name: result.name };
        case 'stolen':
          return result;
        case 'gone':
          return { kind: 'unknown' };
      }
    },

    async revoke(owner, id) {
      const doomed = (await list(owner)).filter((browser) => id === null || browser.id === id);
      // Of two requests that end the same trust, one has ended it.
      return (await storage.deleteTrustedBrowsers(owner.userId, id)) > 0 ? doomed : [];
    },
  };
}

/**
 * Requests that a browser has sent side by side with one token get one and the same next one, so that it does not matter
 * which answer comes last. Tokens travel sealed: whoever has a copy of one can compute nothing from it.
 */
function deriveNext(token: string): string {
  return sha256(`next:${token}`);
}

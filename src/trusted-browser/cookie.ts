import { parseCookie, stringifySetCookie } from 'cookie';
import type { Request } from 'express';
import { z } from 'zod';
import { SECOND } from '../clock.js';
import { sha256 } from '../crypto/hash.js';
import type { KeyRing } from '../crypto/key-ring.js';
import type { Settings } from '../settings.js';

/** What a browser keeps of one user. */
export interface Entry {
  /** Hash of the user's id: whoever opens it with the key learns no name, and it is never too long for a cookie. */
  user: string;
  /** Milliseconds since the Unix epoch. */
  since: number;
}

/** As many people share a browser. The one who was here least recently gives way. */
const MOST_ENTRIES = 8;

/**
 * What one browser keeps of several users in one cookie, newest first. Sealed: nobody but us makes one, and what was sealed for
 * another cookie or another origin does not open.
 */
export class BrowserCookie<Kept extends Entry> {
  readonly #name: string;
  readonly #isSecure: boolean;
  readonly #context: readonly string[];
  readonly #settings: Settings;
  readonly #ring: KeyRing;
  readonly #lifetime: number;
  readonly #entries: z.ZodType<Kept[]>;

  /** @param lifetime of an entry, from its `since` on. */
  constructor(name: string, entry: z.ZodType<Kept>, lifetime: number, settings: Settings, ring: KeyRing) {
    // The prefix keeps a subdomain or a page without TLS from setting it, and browsers take it over https alone.
    this.#isSecure = settings.origin.startsWith('https:');
    this.#name = this.#isSecure ? `__Host-${name}` : name;
    this.#context = ['browser-cookie', name, settings.origin];
    this.#settings = settings;
    this.#ring = ring;
    this.#lifetime = lifetime;
    this.#entries = z.array(entry);
  }

  /** What this browser keeps of a user; nothing where the cookie is not as we made it. */
  find(request: Request, userId: string): Kept | undefined {
    return this.#read(request).find(({ user }) => user === nameUser(userId));
  }

  keep(request: Request, userId: string, entry: Omit<Kept, 'user'>): void {
    this.#replace(request, userId, [{ ...entry, user: nameUser(userId) } as Kept]);
  }

  drop(request: Request, userId: string): void {
    this.#replace(request, userId, []);
  }

  /** Whether a response can still say what the browser is to keep. */
  canKeep({ res: response }: Request): boolean {
    return response?.headersSent === false;
  }

  #read(request: Request): Kept[] {
    const value = parseCookie(request.headers.cookie ?? '')[this.#name];
    const entries = this.#entries.safeParse(value === undefined ? [] : this.#open(value));
    const now = this.#settings.clock();
    return entries.success ? entries.data.filter(({ since }) => now - since < this.#lifetime) : [];
  }

  /** Anybody may send anything. What a lost key has sealed is as good as nothing. */
  #open(value: string): unknown {
    try {
      return JSON.parse(this.#ring.open(value, this.#context).toString());
    } catch {
      return undefined;
    }
  }

  #replace(request: Request, userId: string, fresh: readonly Kept[]): void {
    if (!this.canKeep(request)) return;
    const others = this.#read(request).filter(({ user }) => user !== nameUser(userId));
    const entries = [...fresh, ...others].slice(0, MOST_ENTRIES);
    const newest = Math.max(0, ...entries.map(({ since }) => since));
    const maxAge = Math.max(0, Math.floor((newest + this.#lifetime - this.#settings.clock()) / SECOND));
    const value =
      entries.length === 0 ? '' : this.#ring.seal(Buffer.from(JSON.stringify(entries)), this.#context);
    const attributes = {
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#isSecure,
      maxAge,
    } as const;
    request.res?.append('Set-Cookie', stringifySetCookie(this.#name, value, attributes));
  }
}

/** The fields of `Entry`. */
export const entryShape = { user: z.string(), since: z.number() };

function nameUser(userId: string): string {
  return sha256(`browser:${userId}`);
}

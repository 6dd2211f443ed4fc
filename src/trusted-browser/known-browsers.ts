import type { Request } from 'express';
import { z } from 'zod';
import type { KeyRing } from '../crypto/key-ring.js';
import { KNOWN_FOR } from '../limits.js';
import type { Settings } from '../settings.js';
import { BrowserCookie, type Entry, entryShape } from './cookie.js';

/**
 * Browsers in which a user has completed a second factor before. It skips nothing: wrong codes of others delay these less (R4). No
 * record is kept of them, so nobody can end it but the browser; it is worth nothing without the password.
 */
export class KnownBrowsers {
  readonly #cookie: BrowserCookie<Entry>;
  readonly #settings: Settings;

  constructor(settings: Settings, ring: KeyRing) {
    this.#cookie = new BrowserCookie(
      'second-factor-known',
      z.strictObject(entryShape),
      KNOWN_FOR,
      settings,
      ring,
    );
    this.#settings = settings;
  }

  isKnown(request: Request, userId: string): boolean {
    return this.#cookie.find(request, userId) !== undefined;
  }

  remember(request: Request, userId: string): void {
    this.#cookie.keep(request, userId, { since: this.#settings.clock() });
  }
}

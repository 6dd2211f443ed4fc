import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { SecondFactorError } from '../errors.js';
import { joinParts } from './hash.js';
import { randomSecret } from './random.js';

export interface UsableKey {
  id: string;
  /** At least 32 random bytes. */
  secret: Uint8Array;
}

/** A key whose secret is gone: what it has sealed is denied, and that is known. */
export interface LostKey {
  id: string;
  lost: true;
}

export type RingKey = UsableKey | LostKey;

export function isUsable(key: RingKey): key is UsableKey {
  return 'secret' in key;
}

/**
 * Seals what must be read again (secrets, set keys, proposals) with AES-256-GCM. The first key seals, all open.
 * `context` names what is sealed and whose it is; it is authenticated, so a sealed value that is moved to another
 * row, user or state does not open.
 */
export interface KeyRing {
  /** Takes these keys in place of those it has; the first one must be usable. */
  fill(keys: readonly RingKey[]): void;
  /** @throws SecondFactorError `not-ready` before it was filled. */
  seal(plain: Uint8Array, context: readonly string[]): string;
  /** @throws SecondFactorError `key-unknown` or `seal-broken`; `not-ready` before it was filled. */
  open(sealed: string, context: readonly string[]): Buffer;
  /** The same sealed with the first key, for the same context; `undefined` where it is already. @throws as `open`. */
  reseal(sealed: string, context: readonly string[]): string | undefined;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Without keys it waits for `fill`. */
export function createKeyRing(keys: readonly RingKey[] = []): KeyRing {
  let ring = arrange(keys);

  function keyOf(id: string): Buffer {
    if (ring.activeId === undefined)
      throw new SecondFactorError('not-ready', 'There are no keys yet: await secondFactor.ready() at start.');
    const key = ring.keys.get(id);
    if (key) return key;
    throw new SecondFactorError(
      'key-unknown',
      ring.keys.has(id)
        ? `The key "${id}" is lost, and so is what it has sealed.`
        : `No key with the id "${id}" is in the ring: add it to "keys".`,
    );
  }

  function seal(plain: Uint8Array, context: readonly string[]): string {
    const activeId = ring.activeId ?? '';
    const nonce = randomSecret(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', keyOf(activeId), nonce);
    cipher.setAAD(Buffer.from(joinParts([activeId, ...context])));
    const box = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return `${activeId}.${box.toString('base64url')}`;
  }

  function open(sealed: string, context: readonly string[]): Buffer {
    const id = keyIdOf(sealed);
    const key = keyOf(id);
    try {
      const box = Buffer.from(sealed.slice(id.length + 1), 'base64url');
      const opener = createDecipheriv('aes-256-gcm', key, box.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      opener.setAAD(Buffer.from(joinParts([id, ...context])));
      opener.setAuthTag(box.subarray(-TAG_BYTES));
      return Buffer.concat([opener.update(box.subarray(NONCE_BYTES, -TAG_BYTES)), opener.final()]);
    } catch (cause) {
      throw new SecondFactorError('seal-broken', 'A sealed value does not open: it was changed or moved.', {
        cause,
      });
    }
  }

  return {
    seal,
    open,
    fill(others) {
      ring = arrange(others);
    },
    reseal: (sealed, context) =>
      keyIdOf(sealed) === ring.activeId ? undefined : seal(open(sealed, context), context),
  };
}

/** What stands before the first `.` of a sealed value; `''` where there is none. */
export function keyIdOf(sealed: string): string {
  return sealed.slice(0, Math.max(0, sealed.indexOf('.')));
}

function arrange(keys: readonly RingKey[]): {
  activeId: string | undefined;
  keys: ReadonlyMap<string, Buffer | undefined>;
} {
  return {
    activeId: keys[0]?.id,
    keys: new Map(keys.map((key) => [key.id, isUsable(key) ? deriveKey(key.secret) : undefined])),
  };
}

/** One secret of the host, one key for one use (RFC 5869): a second use gets another label, never the same key. */
function deriveKey(secret: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'passport-second-factor/seal', 32));
}

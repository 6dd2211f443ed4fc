import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { SecondFactorError } from '../errors.js';
import { joinParts } from './hash.js';
import { randomSecret } from './random.js';

export interface RingKey {
  id: string;
  /** At least 32 random bytes. */
  secret: Uint8Array;
}

/**
 * Seals what must be read again (secrets, set keys, proposals) with AES-256-GCM. The first key seals, all open.
 * `context` names what is sealed and whose it is; it is authenticated, so a sealed value that is moved to another
 * row, user or state does not open.
 */
export interface KeyRing {
  seal(plain: Uint8Array, context: readonly string[]): string;
  /** @throws SecondFactorError `key-unknown` or `seal-broken`. */
  open(sealed: string, context: readonly string[]): Buffer;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function createKeyRing(keys: readonly [RingKey, ...RingKey[]]): KeyRing {
  const secrets = new Map(keys.map((key) => [key.id, deriveKey(key.secret)]));
  const activeId = keys[0].id;

  function keyOf(id: string): Buffer {
    const key = secrets.get(id);
    if (key) return key;
    throw new SecondFactorError(
      'key-unknown',
      `No key with the id "${id}" is in the ring: add it to "keys".`,
    );
  }

  return {
    seal(plain, context) {
      const nonce = randomSecret(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyOf(activeId), nonce);
      cipher.setAAD(Buffer.from(joinParts([activeId, ...context])));
      const box = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
      return `${activeId}.${box.toString('base64url')}`;
    },

    open(sealed, context) {
      const dot = sealed.indexOf('.');
      const id = sealed.slice(0, dot);
      const key = keyOf(id);
      try {
        const box = Buffer.from(sealed.slice(dot + 1), 'base64url');
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
    },
  };
}

/** One secret of the host, one key for one use (RFC 5869): a second use gets another label, never the same key. */
function deriveKey(secret: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'passport-second-factor/seal', 32));
}

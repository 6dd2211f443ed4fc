import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatabaseAddress, SealingKey } from './config.js';

/** How the values of the environment are read. */

export function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}

export function toOrigin(text: string): string {
  return new URL(text).origin;
}

export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

export function isDatabase(url: string): boolean {
  return /^file:[^?#]+$/.test(url) || /^(postgres(ql)?|mysql|mariadb):\/\/./.test(url);
}

export function toDatabase(url: string): DatabaseAddress {
  if (url.startsWith('postgres')) return { kind: 'postgres', url };
  if (/^(mysql|mariadb):/.test(url)) return { kind: 'mysql', url: url.replace(/^mariadb:/, 'mysql:') };
  return {
    kind: 'sqlite',
    file: url.startsWith('file://') ? fileURLToPath(url) : resolve(url.slice('file:'.length)),
  };
}

export function toKeys(text: string): SealingKey[] {
  return text.split(',').map((pair) => {
    const colon = pair.indexOf(':');
    return { id: pair.slice(0, Math.max(colon, 0)).trim(), secret: pair.slice(colon + 1).trim() };
  });
}

/** Lower case, as names are compared. */
export function toNames(text: string): string[] {
  return text.split(',').flatMap((name) => name.trim().toLowerCase() || []);
}

export function areKeys(keys: SealingKey[]): boolean {
  const wellFormed = keys.every(
    ({ id, secret }) => /^[\w-]{1,32}$/.test(id) && /^[A-Za-z0-9+/]{43}=$/.test(secret),
  );
  return wellFormed && new Set(keys.map(({ id }) => id)).size === keys.length;
}

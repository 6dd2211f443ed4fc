import { createKeyRing, isUsable, type KeyRing, type RingKey, type UsableKey } from '../crypto/key-ring.js';
import { SecondFactorError } from '../errors.js';
import type { SealedRecord, Storage } from '../storage/storage.js';
import { isKeyId, opens, openRecord } from './sealed.js';

/** What each key seals once, under its own id, to be known again. */
const canary = Buffer.from('canary');

/** A key without a canary has been in use before there were any: so many of its records are tried. */
const SAMPLES = 3;

const kinds: readonly SealedRecord['kind'][] = ['authenticator', 'backup-codes'];

/**
 * Refuses keys with which the application would not work: one whose secret is not the one that its id had, and a ring that lacks
 * a key with which records are sealed. Reads a few rows by index, however many records there are; a key that is new leaves its canary.
 * @throws SecondFactorError `seal-broken`, `key-unknown`, each naming all the keys it is about.
 */
export async function checkKeys(storage: Storage, keys: readonly RingKey[]): Promise<void> {
  const ring = createKeyRing(keys);
  const usable = keys.filter(isUsable);
  const states = await Promise.all(usable.map((key) => findState(storage, ring, key)));
  refuseWrong(usable.filter((_, index) => states[index] === 'wrong'));
  refuseMissing(await findMissing(storage, keys));
  const fresh = usable.filter((_, index) => states[index] === 'new');
  const kept = await Promise.all(fresh.map((key) => leaveCanary(storage, key)));
  // Another node has started in the same moment, with another secret.
  refuseWrong(fresh.filter((_, index) => !kept[index]));
}

/** `new`: it has no canary, and what it has sealed, if anything, opens. */
export async function findState(
  storage: Storage,
  ring: KeyRing,
  { id }: UsableKey,
): Promise<'known' | 'new' | 'wrong'> {
  const sealed = await storage.findCanary(id);
  if (sealed !== undefined) return opensCanary(ring, id, sealed) ? 'known' : 'wrong';
  const pages = await Promise.all(
    kinds.map((kind) => storage.listSealed({ kind, keyId: id, after: null, limit: SAMPLES })),
  );
  const samples = pages.flat();
  // One record may have been changed; all of them have not.
  const isProven = samples.length === 0 || samples.some((record) => opens(() => openRecord(ring, record)));
  return isProven ? 'new' : 'wrong';
}

/** Ids with which records are sealed and that are not in the ring. */
async function findMissing(storage: Storage, keys: readonly RingKey[]): Promise<string[]> {
  const ids = new Set(keys.map(({ id }) => id));
  // What is no id was never sealed: one such record must not keep everybody out.
  return (await storage.listKeyIds()).filter((id) => !ids.has(id) && isKeyId(id));
}

/** @returns whether the canary that is there from now on is of this key. */
async function leaveCanary(storage: Storage, key: UsableKey): Promise<boolean> {
  const ring = createKeyRing([key]);
  const sealed = await storage.keepCanary(key.id, ring.seal(canary, contextOf(key.id)));
  return opensCanary(ring, key.id, sealed);
}

function opensCanary(ring: KeyRing, id: string, sealed: string): boolean {
  return opens(() => ring.open(sealed, contextOf(id)));
}

function contextOf(id: string): string[] {
  return ['key-canary', id];
}

function refuseWrong(keys: readonly UsableKey[]): void {
  if (keys.length === 0) return;
  throw new SecondFactorError(
    'seal-broken',
    `The secret of ${nameKeys(keys.map(({ id }) => id))} in "keys" is not the one that was used under that id: put the ` +
      'right secret there. A new secret gets a new id.',
  );
}

function refuseMissing(ids: readonly string[]): void {
  if (ids.length === 0) return;
  throw new SecondFactorError(
    'key-unknown',
    `Records are sealed with ${nameKeys(ids)}, which "keys" does not have: put it back, behind the first key. ` +
      'If its secret is lost for good, say so, { id, lost: true }: what it has sealed is then denied, and the rest works.',
  );
}

function nameKeys(ids: readonly string[]): string {
  return `the ${ids.length === 1 ? 'key' : 'keys'} ${ids.map((id) => `"${id}"`).join(', ')}`;
}

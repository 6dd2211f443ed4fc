import assert from 'node:assert/strict';
import { randomId } from '../crypto/random.js';
import type { Resealing, SealedRecord, Storage } from '../storage/storage.js';
import {
  authenticatorOf,
  backupCodesOf,
  begin,
  check,
  enablingOf,
  enrolTwo,
  newUser,
  secondAuthenticatorOf,
  snapshot,
  type StorageContractCase,
} from './storage-fixtures.js';

/** A user whose secret and set key are sealed with this key. */
async function enrolUnder(storage: Storage, keyId: string): Promise<string> {
  const userId = newUser();
  const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
  const authenticator = authenticatorOf(userId, { sealedSecret: `${keyId}.secret.of.${userId}` });
  const backupCodes = { ...backupCodesOf(userId), sealedKey: `${keyId}.key.of.${userId}` };
  await storage.enable(enablingOf(enrolment, { authenticator, backupCodes }));
  return userId;
}

function secretOf(keyId: string, userId: string): SealedRecord {
  const { id } = authenticatorOf(userId);
  return { kind: 'authenticator', userId, id, sealed: `${keyId}.secret.of.${userId}` };
}

function setKeyOf(keyId: string, userId: string): SealedRecord {
  return { kind: 'backup-codes', userId, id: backupCodesOf(userId).id, sealed: `${keyId}.key.of.${userId}` };
}

/** In the order of bytes, as ASCII sorts. */
function byId(a: SealedRecord, b: SealedRecord): number {
  return a.id < b.id ? -1 : 1;
}

export const keyCases: readonly StorageContractCase[] = [
  check('listKeyIds tells each key that has sealed something once', async (storage) => {
    const keyIds = [`one-${randomId()}`, `two-${randomId()}`, `One_${randomId()}`];
    for (const keyId of [...keyIds, ...keyIds]) await enrolUnder(storage, keyId);
    const plain = newUser();
    const enrolment = await begin(storage, 'enrolment', plain, { epoch: 0 });
    await storage.enable(
      enablingOf(enrolment, {
        authenticator: authenticatorOf(plain, { sealedSecret: `secret-of-${plain}` }),
      }),
    );
    const found = await storage.listKeyIds();
    // What nobody has sealed is a secret itself, and is never told.
    assert.equal(found.includes(`secret-of-${plain}`), false);
    assert.equal(new Set(found).size, found.length);
    for (const keyId of keyIds) assert.ok(found.includes(keyId));
  }),

  check('listSealed gives the records of a kind and key page by page, in one order', async (storage) => {
    const keyId = `key-${randomId()}`;
    const userIds: string[] = [];
    for (let count = 0; count < 5; count += 1) userIds.push(await enrolUnder(storage, keyId));
    for (const other of [keyId.slice(0, -1), `${keyId}x`, keyId.toUpperCase()])
      await enrolUnder(storage, other);
    for (const [kind, recordOf] of [
      ['authenticator', secretOf],
      ['backup-codes', setKeyOf],
    ] as const) {
      const all = userIds.map((userId) => recordOf(keyId, userId)).sort(byId);
      const first = await storage.listSealed({ kind, keyId, after: null, limit: 3 });
      assert.deepEqual(first, all.slice(0, 3));
      const rest = await storage.listSealed({ kind, keyId, after: first[2]?.id ?? '', limit: 3 });
      assert.deepEqual(rest, all.slice(3));
    }
  }),

  check('reseal changes the sealed value and nothing else', async (storage) => {
    const [keyId, fresh] = [`old-${randomId()}`, `new-${randomId()}.value`];
    const userId = await enrolUnder(storage, keyId);
    const before = await snapshot(storage, userId);
    const resealings = [secretOf(keyId, userId), setKeyOf(keyId, userId)].map((record) => ({
      ...record,
      fresh,
    }));
    assert.equal(await storage.reseal(resealings), 2);
    const [authenticator] = await storage.listAuthenticators(userId);
    assert.equal(authenticator?.sealedSecret, fresh);
    assert.equal((await storage.findBackupCodeSet(userId))?.sealedKey, fresh);
    assert.equal((await storage.listKeyIds()).includes(keyId), false);
    await storage.reseal(resealings.map((done) => ({ ...done, sealed: fresh, fresh: done.sealed })));
    assert.deepEqual(await snapshot(storage, userId), before);
  }),

  check('reseal leaves alone what is another value, user, record or kind', async (storage) => {
    const keyId = `old-${randomId()}`;
    const [userId, other] = [await enrolUnder(storage, keyId), await enrolUnder(storage, keyId)];
    const before = await snapshot(storage, userId);
    const wrong: Resealing[] = [secretOf(keyId, userId), setKeyOf(keyId, userId)].flatMap((record) => {
      const resealing = { ...record, fresh: 'new.value' };
      return [
        { ...resealing, sealed: `${record.sealed}x` },
        { ...resealing, sealed: record.sealed.toUpperCase() },
        { ...resealing, userId: other },
        { ...resealing, id: `${record.id}x` },
        { ...resealing, kind: record.kind === 'authenticator' ? 'backup-codes' : 'authenticator' },
      ];
    });
    assert.equal(await storage.reseal(wrong), 0);
    assert.deepEqual(await snapshot(storage, userId), before);
    // One that is not as it was read keeps the others from nothing.
    const right = { ...secretOf(keyId, userId), fresh: 'new.value' };
    assert.equal(await storage.reseal([...wrong, right]), 1);
  }),

  check('reseal of one of two authenticators leaves the other', async (storage) => {
    const userId = await enrolTwo(storage);
    const { id, sealedSecret: sealed } = authenticatorOf(userId);
    await storage.reseal([{ kind: 'authenticator', userId, id, sealed, fresh: 'new.value' }]);
    assert.deepEqual(await storage.listAuthenticators(userId), [
      authenticatorOf(userId, { sealedSecret: 'new.value' }),
      secondAuthenticatorOf(userId),
    ]);
  }),

  check('keepCanary keeps what was first, and findCanary finds it', async (storage) => {
    const keyId = `key-${randomId()}`;
    assert.equal(await storage.findCanary(keyId), undefined);
    assert.equal(await storage.keepCanary(keyId, 'first'), 'first');
    assert.equal(await storage.keepCanary(keyId, 'second'), 'first');
    assert.equal(await storage.findCanary(keyId), 'first');
    assert.equal(await storage.findCanary(keyId.toUpperCase()), undefined);
  }),
];

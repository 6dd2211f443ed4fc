import assert from 'node:assert/strict';
import type { Proof } from '../storage/storage.js';
import {
  accountOf,
  addingOf,
  authenticatorOf,
  backupCodesOf,
  begin,
  check,
  enablingOf,
  enrol,
  enrolTwo,
  renamingOf,
  revocationOf,
} from './storage-fixtures.js';
import {
  keyOf,
  newPending,
  newUser,
  snapshot,
  useCode,
  useStep,
  type StorageContractCase,
} from './storage-fixtures.js';

/** What a careless collation takes for equal: by case, accent, width, blanks and invisible characters at the end. */
const variants: readonly ((name: string) => string)[] = [
  (name) => name.toUpperCase(),
  (name) => `${name} `,
  (name) => ` ${name}`,
  (name) => name.replace('a', 'á'),
  (name) => name.replace('a', 'ａ'),
  (name) => `${name}\u200b`,
  (name) => `${name}\t`,
];

/** `bytes` bytes of UTF-8, most of them in characters of four, as the names of accounts may be. */
function longName(bytes: number, end: string): string {
  const prefix = newUser();
  const left = bytes - Buffer.byteLength(prefix + end);
  return prefix + 'x'.repeat(left % 4) + '😀'.repeat(Math.floor(left / 4)) + end;
}

export const nameCases: readonly StorageContractCase[] = [
  check('a handle is found under its own bytes only', async (storage) => {
    const pending = await begin(storage, 'login', newUser());
    for (const vary of variants) {
      const other = vary(pending.handleHash);
      assert.equal(await storage.findPending(other), undefined);
      assert.equal(await storage.deletePending(other), false);
      await storage.createPending({ ...pending, handleHash: other, userId: newUser() });
    }
    assert.deepEqual(await storage.findPending(pending.handleHash), pending);
  }),

  check('accept takes an authenticator, a set and a code by their own bytes only', async (storage) => {
    const pending = await begin(storage, 'login', await enrol(storage));
    const { id, codeHashes } = backupCodesOf(pending.userId);
    const codeHash = codeHashes[0] ?? '';
    for (const vary of variants) {
      const proofs: Proof[] = [
        { lane: 'totp', authenticatorId: vary(`${pending.userId}-authenticator`), step: 200 },
        { lane: 'backup-code', setId: vary(id), codeHash },
        { lane: 'backup-code', setId: id, codeHash: vary(codeHash) },
      ];
      for (const proof of proofs) {
        assert.equal(await storage.accept({ ...useCode(pending, 0), proof }), 'used');
      }
      const stranger = { ...keyOf(pending), userId: vary(pending.userId) };
      assert.equal(await storage.accept({ ...useCode(pending, 0), ...stranger }), 'gone');
    }
    assert.equal(await storage.accept(useStep(pending, 101)), 'accepted');
  }),

  check('enable keeps hashes apart that a careless collation takes for equal', async (storage) => {
    const enrolment = await begin(storage, 'enrolment', newUser(), { epoch: 0 });
    const set = backupCodesOf(enrolment.userId);
    const codeHashes = ['abc', ...variants.map((vary) => vary('abc'))];
    await storage.enable(enablingOf(enrolment, { backupCodes: { ...set, codeHashes } }));
    for (const [index, codeHash] of codeHashes.entries()) {
      const login = await begin(storage, 'login', enrolment.userId);
      const proof = { lane: 'backup-code', setId: set.id, codeHash } as const;
      assert.equal(await storage.accept({ ...useCode(login, 0), proof }), 'accepted');
      assert.equal((await storage.findBackupCodeSet(enrolment.userId))?.left, codeHashes.length - index - 1);
    }
  }),

  check('addAuthenticator keeps ids apart that a careless collation takes for equal', async (storage) => {
    const userId = await enrol(storage);
    const { id } = authenticatorOf(userId);
    for (const [index, vary] of variants.entries()) {
      const enrolment = await begin(storage, 'enrolment', userId, { epoch: index + 1 });
      const authenticator = authenticatorOf(userId, { id: vary(id) });
      const adding = addingOf(enrolment, { authenticator, most: variants.length + 1 });
      for (const change of [{ userId: vary(userId) }, { handleHash: vary(enrolment.handleHash) }])
        assert.equal(await storage.addAuthenticator({ ...adding, ...change }), undefined);
      assert.equal(await storage.addAuthenticator(adding), index + 2);
    }
    const found = (await storage.listAuthenticators(userId)).map((authenticator) => authenticator.id);
    assert.deepEqual(new Set(found), new Set([id, ...variants.map((vary) => vary(id))]));
  }),

  check(
    'renameAuthenticator, removeAuthenticator and reset find names by their own bytes only',
    async (storage) => {
      const userId = await enrolTwo(storage);
      const { id } = authenticatorOf(userId);
      const removal = { userId, epoch: 2, authenticatorId: id, events: [] };
      const before = await snapshot(storage, userId);
      for (const vary of variants) {
        assert.equal(await storage.renameAuthenticator(renamingOf(userId, vary(id), 'Mine')), false);
        assert.equal(await storage.renameAuthenticator(renamingOf(vary(userId), id, 'Mine')), false);
        assert.equal(await storage.removeAuthenticator({ ...removal, authenticatorId: vary(id) }), 'absent');
        assert.equal(await storage.removeAuthenticator({ ...removal, userId: vary(userId) }), undefined);
        assert.equal(await storage.reset(vary(userId), []), undefined);
      }
      assert.deepEqual(await snapshot(storage, userId), before);
    },
  ),

  check('names of 255 bytes and any character come back as they were', async (storage) => {
    const users = ['a', 'b', 'B'].map((end) => longName(255, end));
    for (const userId of users) {
      const enrolment = await begin(storage, 'enrolment', userId, {
        epoch: 0,
        handleHash: longName(255, 'h'),
        payload: `{"sealed":"'\\"\\\\ 😀 \u2028"}`.repeat(500),
      });
      assert.deepEqual(await storage.findPending(enrolment.handleHash), enrolment);
      const name = `'"; -- \\ % _ ? $1 :a 😀 👩‍👩‍👧 ñ n\u0303\n`;
      const authenticator = authenticatorOf(userId, { id: longName(255, 'i'), name });
      const backupCodes = backupCodesOf(userId, longName(200, 's'));
      assert.equal(await storage.enable(enablingOf(enrolment, { authenticator, backupCodes })), 1);
      assert.deepEqual(await storage.listAuthenticators(userId), [authenticator]);
      assert.equal((await storage.findBackupCodeSet(userId))?.id, backupCodes.id);
    }
    for (const userId of users) {
      assert.deepEqual(await storage.findAccount(userId), accountOf(userId));
    }
  }),

  check('a name that is too long is refused or kept whole, never cut to another one', async (storage) => {
    const start = newUser().padEnd(400, 'x');
    for (const userId of [`${start}a`, `${start}b`]) {
      const epoch = await storage.raiseEpoch(revocationOf(userId)).catch(() => 'refused');
      assert.ok(epoch === 1 || epoch === 'refused', 'both ids are one account');
      const pending = newPending('login', userId);
      const isKept = await storage.createPending(pending).then(
        () => true,
        () => false,
      );
      assert.deepEqual(await storage.findPending(pending.handleHash), isKept ? pending : undefined);
    }
  }),
];

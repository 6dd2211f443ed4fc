import assert from 'node:assert/strict';
import type { SecondFactorEvent } from '../events.js';
import type { Pending, TrustedBrowser } from '../model.js';
import type { Storage, TokenUse } from '../storage/storage.js';
import {
  authenticatorOf,
  backupCodesOf,
  begin,
  browserOf,
  check,
  enrol,
  enrolTwo,
  eventOf,
  keyOf,
  newUser,
  now,
  revocationOf,
  tokenOf,
  trust,
  useStep,
  type StorageContractCase,
} from './storage-fixtures.js';

/** A user whose second factor is on, with one trusted browser. */
async function trustOne(storage: Storage, fields: Partial<TrustedBrowser> = {}): Promise<TrustedBrowser> {
  const browser = browserOf(await enrol(storage), fields);
  assert.equal(await trust(storage, browser), true);
  return browser;
}

const afterUse = (browser: TrustedBrowser): TrustedBrowser => ({
  ...browser,
  tokenHash: `${browser.userId}-token-1`,
  previousHash: browser.tokenHash,
  lastUsedAt: now,
});

/** Every change that ends trust in the same transaction. */
const ends: Record<string, (storage: Storage, stepUp: Pending) => Promise<unknown>> = {
  'accept with disable': (storage, stepUp) => storage.accept({ ...useStep(stepUp, 101), effect: 'disable' }),
  reset: (storage, { userId }) => storage.reset(userId, []),
  forget: (storage, { userId }) => storage.forget(userId),
};

/** Every change that leaves the browser behind, at an epoch that is no longer the user's. */
const raises: Record<string, (storage: Storage, userId: string) => Promise<unknown>> = {
  raiseEpoch: (storage, userId) => storage.raiseEpoch(revocationOf(userId)),
  renewBackupCodes: async (storage, userId) => {
    const proposal = { ...keyOf(await begin(storage, 'backup-codes', userId, { epoch: 2 })), now };
    const backupCodes = backupCodesOf(userId, `${userId}-codes-2`);
    return storage.renewBackupCodes({ ...proposal, purpose: 'backup-codes', backupCodes, events: [] });
  },
  removeAuthenticator: (storage, userId) =>
    storage.removeAuthenticator({
      userId,
      epoch: 2,
      authenticatorId: authenticatorOf(userId).id,
      events: [],
    }),
};

/** Of a browser that was used once: its present token is number 1, the one before number 0. */
function finds(
  title: string,
  kind: 'gone' | 'stolen',
  change: (userId: string) => Partial<TokenUse>,
): StorageContractCase {
  return check(`useToken finds ${title} ${kind}`, async (storage) => {
    const browser = await trustOne(storage);
    const { userId } = browser;
    await storage.useToken(tokenOf(userId, 0));
    const result = await storage.useToken({ ...tokenOf(userId, 1), ...change(userId) });
    assert.equal(result, kind);
    assert.deepEqual(
      await storage.listTrustedBrowsers(userId),
      kind === 'gone' ? [afterUse(browser)] : [],
      'what is gone changes nothing, what is stolen ends',
    );
  });
}

export const browserCases: readonly StorageContractCase[] = [
  check('trustBrowser writes what listTrustedBrowsers reads, newest first', async (storage) => {
    const first = await trustOne(storage, {
      name: `'"; -- \\ % 😀`,
      lastUsedAt: now,
      previousHash: 'before',
    });
    const { userId } = first;
    const second = browserOf(userId, { id: `${userId}-browser-2`, createdAt: now + 1, name: null });
    assert.equal(await trust(storage, second), true);
    assert.deepEqual(await storage.listTrustedBrowsers(userId), [second, first]);
    assert.deepEqual(await storage.listTrustedBrowsers(newUser()), []);
  }),

  check(
    'trustBrowser takes the place of the browser that it replaces, of this user alone',
    async (storage) => {
      const [old, foreign] = [await trustOne(storage), await trustOne(storage)];
      const other = browserOf(old.userId, { id: `${old.userId}-browser-2` });
      await trust(storage, other, { replaces: foreign.id });
      const fresh = browserOf(old.userId, { id: `${old.userId}-browser-3`, createdAt: now + 1 });
      assert.equal(await trust(storage, fresh, { replaces: old.id }), true);
      assert.deepEqual(await storage.listTrustedBrowsers(old.userId), [fresh, other]);
      assert.deepEqual(await storage.listTrustedBrowsers(foreign.userId), [foreign]);
    },
  ),

  check('trustBrowser refuses another epoch, and a user without a second factor', async (storage) => {
    const browser = await trustOne(storage);
    for (const epoch of [0, 2]) {
      const late = { ...browser, id: newUser(), epoch };
      assert.equal(await trust(storage, late, { replaces: browser.id }), false);
    }
    assert.deepEqual(await storage.listTrustedBrowsers(browser.userId), [browser]);
    const [nobody, disabled] = [newUser(), await enrol(storage)];
    await storage.reset(disabled, []);
    assert.equal(await trust(storage, browserOf(nobody, { epoch: 0 })), false);
    assert.equal(await trust(storage, browserOf(disabled, { epoch: 2 })), false);
    assert.deepEqual(await storage.listTrustedBrowsers(disabled), []);
  }),

  check('trustBrowser takes those of other epochs away', async (storage) => {
    const { userId } = await trustOne(storage);
    await storage.raiseEpoch(revocationOf(userId));
    const fresh = browserOf(userId, { id: `${userId}-browser-2`, epoch: 2 });
    assert.equal(await trust(storage, fresh), true);
    assert.deepEqual(await storage.listTrustedBrowsers(userId), [fresh]);
  }),

  check('useToken rotates the present token, and the next one after it', async (storage) => {
    const browser = await trustOne(storage);
    const { userId } = browser;
    assert.deepEqual(await storage.useToken(tokenOf(userId, 0)), 'rotated');
    assert.deepEqual(await storage.listTrustedBrowsers(userId), [afterUse(browser)]);
    assert.deepEqual(await storage.useToken(tokenOf(userId, 1)), 'rotated');
  }),

  check('useToken takes the token before for a moment, and changes nothing then', async (storage) => {
    const browser = await trustOne(storage);
    const { userId } = browser;
    const use = tokenOf(userId, 0);
    await storage.useToken(use);
    const late = { ...use, now: now + use.grace - 1 };
    for (let time = 0; time < 2; time += 1) assert.deepEqual(await storage.useToken(late), 'recent');
    assert.deepEqual(await storage.listTrustedBrowsers(userId), [afterUse(browser)]);
  }),

  finds('the token before, once the moment is over,', 'stolen', (userId) => ({
    ...tokenOf(userId, 0),
    now: now + tokenOf(userId, 0).grace,
  })),
  finds('a token that it never had', 'stolen', (userId) => ({ tokenHash: `${userId}-token-7` })),
  finds('a token by other bytes', 'stolen', (userId) => ({
    tokenHash: `${userId}-token-1`.toUpperCase(),
  })),
  finds('another user’s browser', 'gone', () => ({ userId: newUser() })),
  finds('an older epoch', 'gone', () => ({ epoch: 0 })),
  finds('an epoch to come', 'gone', () => ({ epoch: 2 })),
  finds('a browser that nobody has', 'gone', () => ({ id: newUser() })),
  finds('an id by other bytes', 'gone', (userId) => ({ id: `${browserOf(userId).id} ` })),
  finds('an expired browser', 'gone', (userId) => ({ now: browserOf(userId).expiresAt })),
  finds('an old token of an expired browser', 'gone', (userId) => ({
    ...tokenOf(userId, 0),
    now: browserOf(userId).expiresAt,
  })),

  check(
    'useToken, trustBrowser and deleteTrustedBrowsers write their events, and only where they do it',
    async (storage) => {
      const userId = await enrol(storage);
      const written: SecondFactorEvent[] = [];
      const expectWritten = async (...events: SecondFactorEvent[]): Promise<void> => {
        written.push(...events);
        const found = (await storage.listEvents(userId, 100)).map(({ id, kind }) => [id, kind]);
        assert.deepEqual(found.sort(), written.map(({ id, kind }) => [id, kind]).sort());
      };
      const trusted = eventOf(userId, { kind: 'browser.trusted', details: { browser: 'Firefox' } });
      const revoked = eventOf(userId, { kind: 'browser.revoked', details: { browser: 'Firefox' } });
      await trust(storage, browserOf(userId, { epoch: 2 }), { events: [trusted] });
      await storage.deleteTrustedBrowsers({ userId, id: null, events: [revoked] });
      await storage.useToken(tokenOf(userId, 0));
      await expectWritten();
      await trust(storage, browserOf(userId), { events: [trusted] });
      await expectWritten(trusted);
      // Rotated, recent and stolen.
      const uses = [tokenOf(userId, 0), tokenOf(userId, 0), tokenOf(userId, 7)] as const;
      for (const use of uses) await storage.useToken(use);
      await expectWritten(uses[0].events.trusted, uses[1].events.trusted, uses[2].events.stolen);
      await trust(storage, browserOf(userId));
      assert.equal(await storage.deleteTrustedBrowsers({ userId, id: null, events: [revoked] }), 1);
      await expectWritten(revoked);
    },
  ),

  check('deleteTrustedBrowsers takes one of the user’s away, or all, and counts them', async (storage) => {
    const [one, foreign] = [await trustOne(storage), await trustOne(storage)];
    const { userId } = one;
    const others = [2, 3].map((n) => browserOf(userId, { id: `${userId}-browser-${n}`, createdAt: now - n }));
    for (const other of others) await trust(storage, other);
    for (const id of [foreign.id, `${one.id} `, one.id.toUpperCase(), newUser()])
      assert.equal(await storage.deleteTrustedBrowsers({ userId: userId, id: id, events: [] }), 0);
    assert.equal(await storage.deleteTrustedBrowsers({ userId: userId, id: one.id, events: [] }), 1);
    assert.deepEqual(await storage.listTrustedBrowsers(userId), others);
    assert.deepEqual(await storage.useToken(tokenOf(userId, 0)), 'gone');
    assert.equal(await storage.deleteTrustedBrowsers({ userId: userId, id: null, events: [] }), 2);
    assert.equal(await storage.deleteTrustedBrowsers({ userId: userId, id: null, events: [] }), 0);
    assert.deepEqual(await storage.listTrustedBrowsers(foreign.userId), [foreign]);
  }),

  check('purgeTrustedBrowsers deletes expired ones and those of other epochs', async (storage) => {
    // Long past, so that browsers of real users in a shared database are not touched.
    const [expired, live] = [
      await trustOne(storage, { expiresAt: 2_000 }),
      await trustOne(storage, { expiresAt: 2_001 }),
    ];
    const revoked = await trustOne(storage);
    await storage.raiseEpoch(revocationOf(revoked.userId));
    await storage.purgeTrustedBrowsers(2_000);
    const left = await Promise.all(
      [expired, live, revoked].map(({ userId }) => storage.listTrustedBrowsers(userId)),
    );
    assert.deepEqual(left, [[], [live], []]);
  }),

  ...Object.entries(ends).map(([name, end]) =>
    check(`${name} takes every trusted browser of the user away`, async (storage) => {
      const [browser, foreign] = [await trustOne(storage), await trustOne(storage)];
      await end(storage, await begin(storage, 'step-up', browser.userId));
      assert.deepEqual(await storage.listTrustedBrowsers(browser.userId), []);
      assert.deepEqual(await storage.listTrustedBrowsers(foreign.userId), [foreign]);
    }),
  ),

  ...Object.entries(raises).map(([name, raise]) =>
    check(`${name} leaves no trusted browser that is the user's epoch's`, async (storage) => {
      const userId = await enrolTwo(storage);
      await trust(storage, browserOf(userId, { epoch: 2 }));
      await raise(storage, userId);
      assert.equal((await storage.findAccount(userId))?.epoch, 3);
      const epochs = (await storage.listTrustedBrowsers(userId)).map(({ epoch }) => epoch);
      assert.ok(!epochs.includes(3));
      assert.equal(await storage.useToken({ ...tokenOf(userId, 0), epoch: 3 }), 'gone');
    }),
  ),
];

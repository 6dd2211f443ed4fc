import assert from 'node:assert/strict';
import type { SecondFactorEvent } from '../events.js';
import type { Storage } from '../storage/storage.js';
import * as fixtures from './storage-fixtures.js';
import { attemptOn, begin, check, enrol, enrolTwo, eventOf, newUser, now } from './storage-fixtures.js';
import type { StorageContractCase } from './storage-fixtures.js';

/** The newest event of a user, to be the one that a verb has to write. */
const added = (userId: string) =>
  eventOf(userId, { kind: 'authenticator.added', at: now + 1, details: { authenticator: 'Tablet' } });

async function idsOf(storage: Storage, userId: string): Promise<string[]> {
  return (await storage.listEvents(userId, 100)).map(({ id }) => id);
}

/** A verb writes its events where it does what it is asked for, and none where it does not. */
function records(
  verb: string,
  prepare: (storage: Storage) => Promise<string>,
  run: (storage: Storage, userId: string, events: SecondFactorEvent[]) => Promise<unknown>,
): StorageContractCase {
  return check(`${verb} writes its events with the change, or neither`, async (storage) => {
    const userId = await prepare(storage);
    const [event, late] = [added(userId), added(userId)];
    await run(storage, userId, [event]);
    assert.deepEqual(await storage.listEvents(userId, 100), [event]);
    // The second time the epoch, the pending row or the record is another one.
    await run(storage, userId, [late]).catch(() => undefined);
    const expected = ['raiseEpoch', 'renameAuthenticator'].includes(verb) ? 2 : 1;
    assert.equal((await idsOf(storage, userId)).length, expected);
  });
}

export const eventCases: readonly StorageContractCase[] = [
  check('recordEvents keeps every field as it was', async (storage) => {
    const userId = newUser();
    const event = eventOf(userId, {
      kind: 'authenticator.renamed',
      browser: null,
      address: null,
      details: { authenticator: `'"; -- \\ % _ ? $1 😀 ñ\n` },
    });
    await storage.recordEvents([event]);
    assert.deepEqual(await storage.listEvents(userId, 10), [event]);
    await storage.recordEvents([]);
  }),

  check('listEvents gives the newest first, page by page, and nobody else’s', async (storage) => {
    const [userId, other] = [newUser(), newUser()];
    const events = [3, 1, 2, 2].map((at, index) =>
      eventOf(userId, { at: now + at, id: `${userId}-${index}` }),
    );
    await storage.recordEvents([...events, eventOf(other)]);
    const inOrder = [0, 3, 2, 1].map((index) => `${userId}-${index}`);
    assert.deepEqual(await idsOf(storage, userId), inOrder);
    const [first, second] = await storage.listEvents(userId, 2);
    assert.deepEqual([first?.id, second?.id], inOrder.slice(0, 2));
    const rest = await storage.listEvents(userId, 2, second);
    assert.deepEqual(
      rest.map(({ id }) => id),
      inOrder.slice(2),
    );
    assert.deepEqual(await storage.listEvents(userId, 2, rest.at(-1)), []);
  }),

  check('an event takes the place of one with its id', async (storage) => {
    const userId = newUser();
    const event = eventOf(userId);
    const later = eventOf(userId, {
      id: event.id,
      kind: 'login.completed',
      at: now + 5,
      details: { factor: 'totp' },
    });
    await storage.recordEvents([event]);
    await storage.recordEvents([later, added(userId)]);
    const found = await storage.listEvents(userId, 10);
    assert.equal(found.length, 2);
    assert.deepEqual(
      found.find(({ id }) => id === event.id),
      later,
    );
  }),

  check('purgeEvents deletes what is older, and nothing at that very instant', async (storage) => {
    const userId = newUser();
    // Long before everything else, so that cases may share a database.
    const [old, kept] = [eventOf(userId, { at: 1_000 }), eventOf(userId, { at: 1_001 })];
    await storage.recordEvents([old, kept]);
    assert.ok((await storage.purgeEvents(1_001)) >= 1);
    assert.deepEqual(await storage.listEvents(userId, 10), [kept]);
  }),

  check('forget deletes the events of the user, and of nobody else', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrol(storage)];
    await storage.recordEvents([eventOf(userId), eventOf(other)]);
    await storage.forget(userId);
    assert.deepEqual(await storage.listEvents(userId, 10), []);
    assert.equal((await storage.listEvents(other, 10)).length, 1);
    await storage.recordEvents([eventOf(newUser())]);
  }),

  check('spendAttempt writes its event, and none where it refuses', async (storage) => {
    const login = await begin(storage, 'login', await enrol(storage));
    const spent = attemptOn(login);
    assert.equal((await storage.spendAttempt(spent)).kind, 'spent');
    assert.deepEqual(await storage.listEvents(login.userId, 10), [spent.event]);
    assert.equal((await storage.spendAttempt(attemptOn(login, { epoch: 7 }))).kind, 'gone');
    assert.equal(
      (await storage.spendAttempt(attemptOn(login, { limits: { ...fixtures.limits, cap: 1 } }))).kind,
      'suspended',
    );
    assert.deepEqual(await storage.listEvents(login.userId, 10), [spent.event]);
    await storage.spendAttempt(attemptOn(login, { lane: null }));
    assert.equal((await storage.listEvents(login.userId, 10)).length, 2);
  }),

  records('accept', enrol, async (storage, userId, events) => {
    const login = await begin(storage, 'login', userId);
    await storage.accept({ ...fixtures.useStep(login, 101), events });
  }),

  records('accept with disable', enrol, async (storage, userId, events) => {
    const stepUp = await begin(storage, 'step-up', userId);
    await storage.accept({ ...fixtures.useStep(stepUp, 101), effect: 'disable', events });
  }),

  records(
    'enable',
    async () => newUser(),
    async (storage, userId, events) => {
      const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
      await storage.enable(fixtures.enablingOf(enrolment, { events }));
    },
  ),

  records('renewBackupCodes', enrol, async (storage, userId, events) => {
    const proposal = await begin(storage, 'backup-codes', userId);
    const backupCodes = fixtures.backupCodesOf(userId, `${userId}-renewed`);
    const renewal = { ...fixtures.keyOf(proposal), backupCodes, now, events };
    await storage.renewBackupCodes({ ...renewal, purpose: 'backup-codes' });
  }),

  records('addAuthenticator', enrol, async (storage, userId, events) => {
    const enrolment = await begin(storage, 'enrolment', userId);
    await storage.addAuthenticator(fixtures.addingOf(enrolment, { events }));
  }),

  records('renameAuthenticator', enrol, async (storage, userId, events) => {
    const { id } = fixtures.authenticatorOf(userId);
    await storage.renameAuthenticator({ ...fixtures.renamingOf(userId, `${id}-absent`, 'x'), events });
    await storage.renameAuthenticator({ ...fixtures.renamingOf(userId, id, 'Phone 2'), events });
  }),

  records('removeAuthenticator', enrolTwo, async (storage, userId, events) => {
    const { id } = fixtures.authenticatorOf(userId);
    await storage.removeAuthenticator({ userId, epoch: 2, authenticatorId: id, events });
  }),

  records('reset', enrol, async (storage, userId, events) => {
    await storage.reset(userId, events);
  }),

  records('raiseEpoch', enrol, async (storage, userId, events) => {
    await storage.raiseEpoch(fixtures.revocationOf(userId, { events }));
  }),
];

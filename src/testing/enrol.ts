import { formatCode } from '../backup-codes/code.js';
import { generateCodes, hashCodes } from '../backup-codes/code-set.js';
import { createKeyRing } from '../crypto/key-ring.js';
import { randomId, randomToken } from '../crypto/random.js';
import { makeStamp } from '../login/flow.js';
import { makePending, pendingKey } from '../login/pending.js';
import type { SecondFactorOptions } from '../options.js';
import { parseOptions } from '../settings.js';
import { forgetEpochs } from '../storage/forget-epochs.js';
import { buildKeyUri } from '../totp/key-uri.js';
import { defaultParameters } from '../totp/match-step.js';
import { DEFAULT_NAME } from '../totp/name.js';
import { generateSecret, sealSecret } from '../totp/secret.js';
import { createVirtualAuthenticator, type VirtualAccount } from './authenticator.js';

/** A user's second factor as the user holds it: the account in an authenticator app, and what was written down. */
export interface TestFactor extends VirtualAccount {
  backupCodes: string[];
}

/**
 * Gives a user a second factor without going through the pages, with the same options that the application runs with.
 * Call it after `ready()`. The present time step is still unused. @throws Error where the user has one already.
 */
export async function enrolUser(options: SecondFactorOptions, userId: string): Promise<TestFactor> {
  const { keys, clock, epochs, ...settings } = parseOptions(options);
  const storage = forgetEpochs(settings.storage, epochs);
  const ring = createKeyRing(await keys());
  const now = clock();
  const secret = generateSecret();
  const owner = { userId, id: randomId() };
  const epoch = (await storage.findAccount(userId))?.epoch ?? 0;
  const session = makeStamp(userId, epoch, { pwd: now }, now);
  const enrolment = pendingKey('enrolment', session);
  const codes = generateCodes();
  await storage.createPending(makePending(enrolment, randomToken(), now));
  const enabled = await storage.enable({
    ...enrolment,
    purpose: 'enrolment',
    login: null,
    authenticator: {
      ...owner,
      ...defaultParameters,
      name: DEFAULT_NAME,
      sealedSecret: sealSecret(ring, owner, secret),
      lastStep: 0,
      createdAt: now,
      lastUsedAt: null,
    },
    backupCodes: hashCodes(ring, userId, codes),
    proposal: makePending(pendingKey('backup-codes', session), randomToken(), now),
    now,
    events: [],
  });
  if (enabled === undefined) throw new Error(`The user "${userId}" has a second factor already.`);
  const uri = buildKeyUri(settings.issuer, userId, secret, defaultParameters);
  return {
    ...createVirtualAuthenticator({ clock, window: settings.window }).add(uri),
    backupCodes: codes.codes.map(formatCode),
  };
}

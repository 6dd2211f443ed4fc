import { generateCodes, hashCodes } from '../backup-codes/code-set.js';
import { sealProposal } from '../backup-codes/proposal.js';
import type { KeyRing } from '../crypto/key-ring.js';
import { randomId } from '../crypto/random.js';
import { makePending, pendingKey } from '../login/pending.js';
import type { Stamp } from '../login/stamp.js';
import type { TotpParameters } from '../model.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';
import { buildKeyUri, encodeKey } from '../totp/key-uri.js';
import { defaultParameters, matchStep } from '../totp/match-step.js';
import { generateSecret, sealSecret } from '../totp/secret.js';

/** An enrolment that waits for its first code. Nothing changes at the account until then. */
export interface Enrolment {
  /** The secret in base32. */
  key: string;
  /** The `otpauth:` URI of the same. */
  uri: string;
  parameters: TotpParameters;
  expiresAt: number;
}

export type Confirmation =
  /** On from now; `epoch` is the user's from now on. */
  | { kind: 'enabled'; epoch: number }
  | { kind: 'malformed' }
  | { kind: 'wrong' }
  /** Timed out, confirmed by another request, or ended by a security change. */
  | { kind: 'expired' };

export interface EnrolmentFlow {
  /** Begins this session's enrolment, or reads it again: parallel calls get the same secret. */
  begin(stamp: Stamp, label: string): Promise<Enrolment>;
  /** Proves the enrolment with the first code and turns the second factor on, with the first backup codes. */
  confirm(stamp: Stamp, code: string): Promise<Confirmation>;
}

export function createEnrolmentFlow(settings: Settings, storage: Storage, ring: KeyRing): EnrolmentFlow {
  const { clock, issuer, window } = settings;

  return {
    async begin(stamp, label) {
      const now = clock();
      const key = pendingKey('enrolment', stamp);
      const sealed = ring.seal(generateSecret(), secretContext(key));
      const pending = await storage.openPending(makePending(key, sealed, now), now);
      const secret = ring.open(pending.payload ?? '', secretContext(key));
      const uri = buildKeyUri(issuer, label, secret, defaultParameters);
      return { key: encodeKey(secret), uri, parameters: defaultParameters, expiresAt: pending.expiresAt };
    },

    async confirm(stamp, input) {
      const now = clock();
      const key = pendingKey('enrolment', stamp);
      const code = input.replace(/[\s-]/g, '');
      if (code.length !== defaultParameters.digits || !/^[0-9]+$/.test(code)) return { kind: 'malformed' };
      const pending = await storage.findPending(key.handleHash);
      if (!pending?.payload || pending.expiresAt <= now || pending.epoch !== stamp.epoch)
        return { kind: 'expired' };
      const secret = ring.open(pending.payload, secretContext(key));
      const step = matchStep(secret, defaultParameters, code, now, window);
      if (step === undefined) return { kind: 'wrong' };

      const owner = { userId: stamp.userId, id: randomId() };
      const fresh = generateCodes();
      const proposalKey = pendingKey('backup-codes', stamp);
      const epoch = await storage.enable({
        ...key,
        purpose: 'enrolment',
        authenticator: {
          ...owner,
          ...defaultParameters,
          name: 'Authenticator app',
          sealedSecret: sealSecret(ring, owner, secret),
          // The code that was just checked is used up: it cannot log in as well (R3).
          lastStep: step,
          createdAt: now,
          lastUsedAt: null,
        },
        backupCodes: hashCodes(ring, stamp.userId, fresh),
        proposal: makePending(proposalKey, sealProposal(ring, proposalKey, fresh), now),
        now,
      });
      return epoch === undefined ? { kind: 'expired' } : { kind: 'enabled', epoch };
    },
  };
}

/** Another context than a live authenticator's: a secret that was never proven cannot be made live by copying it. */
function secretContext(owner: { userId: string; handleHash: string }): string[] {
  return ['enrolment', owner.userId, owner.handleHash];
}

import type { Request } from 'express';
import type { z } from 'zod';
import { type Call, type Endpoint, endpoint } from '../http/endpoints.js';
import { toTime } from '../http/operation.js';
import { Problem } from '../http/problem.js';
import type { ApiAccess, Begun, Challenged } from '../login/access.js';
import type { LoginDesk } from '../login/desk.js';
import type { Gate } from '../login/gate.js';
import type { Complete } from '../login/guards.js';
import type { Responder } from '../login/respond.js';
import type { Stamp } from '../login/stamp.js';
import type { Lane } from '../model.js';
import type { Settings } from '../settings.js';
import type { ChallengeDesk } from './desk.js';
import { toProblem } from './messages.js';
import {
  type answered,
  challengeOperations as operations,
  type codeBody,
  type proofTimes,
  type sessionState,
} from './operations.js';

export interface ChallengeApi {
  gate: Gate;
  logins: LoginDesk;
  responder: Responder;
  access: ApiAccess;
  desk: ChallengeDesk;
  settings: Settings;
}

/** The JSON face of the challenge. */
export function challengeApi({ gate, logins, responder, access, desk, settings }: ChallengeApi): Endpoint[] {
  const { wordsFor } = settings;
  const answerWith =
    (lane: Lane) =>
    async ({ request, access: state, body }: Call<Challenged, z.infer<typeof codeBody>>) => {
      if (state.kind === 'complete' && !(await gate.hasSecondFactor(state.stamp.userId))) return notEnabled();
      const result = await desk.answer(request, body.code, lane);
      if (result.kind !== 'accepted') return toProblem(result, settings.clock(), wordsFor(request));
      const isTrusted = await desk.complete(request, result, body.trust === true);
      const { returnTo = null, backupCodesLeft } = result;
      return {
        ...describeLogin(request, returnTo, isTrusted),
        ...(backupCodesLeft !== undefined && { backup_codes_left: backupCodesLeft }),
      };
    };

  async function provePassword({ request, access: state, body }: Call<Complete, { password: string }>) {
    const hasFactor = await gate.hasSecondFactor(state.stamp.userId);
    if (hasFactor) return access.askForProof('missing', ['totp', 'backup-code']);
    if (!settings.user.checkPassword) return access.askForProof('missing', ['pwd']);
    const outcome = await desk.answerPassword(request, state, body.password);
    if (outcome.kind === 'proven') return describeLogin(request, null, false);
    if (outcome.kind !== 'wrong') return toProblem(outcome, settings.clock(), wordsFor(request));
    const { passwordWrong } = wordsFor(request).messages.answers;
    return new Problem('password-wrong', passwordWrong, { attempts_left: outcome.left });
  }

  async function giveUp({ request, access: state }: Call<Begun, object>) {
    if (state.kind !== 'complete') {
      await logins.logOut(request, false);
      await logins.abandon(request);
    }
    return {};
  }

  async function describeSession({
    request,
  }: Call<object, undefined>): Promise<z.infer<typeof sessionState>> {
    const state = gate.state(request);
    if (state.kind === 'pending' || state.kind === 'enrolling') {
      const expires_at = toTime(state.pending.expiresAt);
      return { state: 'pending', ...(await responder.describe(state.pending)), expires_at };
    }
    if (state.kind !== 'complete') return { state: 'anonymous' };
    return { state: 'complete', user_id: state.stamp.userId, proofs: listProofs(state.stamp) };
  }

  /** The session has a new id by now, and a new stamp. */
  function describeLogin(
    request: Request,
    returnTo: string | null,
    isTrusted: boolean,
  ): z.infer<typeof answered> {
    const state = gate.state(request);
    if (state.kind !== 'complete') throw new Error('The login that was just completed is not there.');
    const { stamp } = state;
    return {
      ...{ user_id: stamp.userId, proofs: listProofs(stamp) },
      ...{ return_to: returnTo, trusted: isTrusted },
    };
  }

  return [
    endpoint(operations.getSession, access.anybody, describeSession),
    endpoint(operations.verify, access.challenged, answerWith('totp')),
    endpoint(operations.verifyBackup, access.challenged, answerWith('backup-code')),
    endpoint(operations.verifyPassword, access.owner, provePassword),
    endpoint(operations.cancel, access.begun, giveUp),
  ];
}

/** What an adopted session has proven, and when, nobody knows. */
export function listProofs({ proofs }: Stamp): z.infer<typeof proofTimes> {
  const known = Object.entries(proofs).filter(([, at]) => at > 0);
  return Object.fromEntries(known.map(([method, at]) => [method, toTime(at)]));
}

export function notEnabled(): Problem {
  return new Problem('not-enabled', 'This account has no second factor.');
}

import type { Request } from 'express';
import { z } from 'zod';
import { type Call, type Endpoint, endpoint } from '../http/endpoints.js';
import { named, nothing, type Operation, shortText, time, toTime } from '../http/operation.js';
import { Problem } from '../http/problem.js';
import type { ApiAccess, Challenged } from '../login/access.js';
import type { LoginDesk } from '../login/desk.js';
import type { Gate } from '../login/gate.js';
import type { Complete } from '../login/guards.js';
import type { Responder } from '../login/respond.js';
import type { Stamp } from '../login/stamp.js';
import type { Lane } from '../model.js';
import type { Settings } from '../settings.js';
import type { ChallengeDesk } from './desk.js';
import { toProblem } from './messages.js';

export interface ChallengeApi {
  gate: Gate;
  logins: LoginDesk;
  responder: Responder;
  access: ApiAccess;
  desk: ChallengeDesk;
  settings: Settings;
}

const codeBody = named('Code', z.strictObject({ code: shortText }));
const passwordBody = named('Password', z.strictObject({ password: shortText }));

/** When each method was last proven in a session. */
export const proofTimes = named(
  'Proofs',
  z.strictObject({ pwd: time, totp: time, 'backup-code': time }).partial(),
);

const answered = named(
  'Answered',
  z.strictObject({ user_id: z.string(), proofs: proofTimes, return_to: z.string().nullable() }),
);

const sessionState = named(
  'Session',
  z.discriminatedUnion('state', [
    z.strictObject({ state: z.literal('anonymous') }),
    z.strictObject({
      state: z.literal('pending'),
      factors: z.array(z.enum(['totp', 'backup-code'])),
      answers: z.record(z.string(), z.string()).optional(),
      challenge: z.string(),
      expires_at: time,
    }),
    z.strictObject({ state: z.literal('complete'), user_id: z.string(), proofs: proofTimes }),
  ]),
);

const showSession = {
  id: 'getSession',
  method: 'get',
  path: '/session',
  summary: 'Where this session stands',
  description:
    'Anonymous, pending (the second step is owed; nothing of the user is told) or complete. As every answer, it carries the token ' +
    'of the session in the header `Second-Factor-Token`.',
  answer: sessionState,
  problems: [],
} satisfies Operation;

const answerProblems = [
  'code-malformed',
  'code-mistyped',
  'code-wrong',
  'code-used',
  'attempts-delayed',
  'attempts-suspended',
  'attempts-exhausted',
  'login-completed',
  'not-enabled',
] as const;

const verify = {
  id: 'verify',
  method: 'post',
  path: '/verify/{user_id}',
  summary: 'Answer with a TOTP code',
  description:
    'Completes the pending login of this session, or gives a fresh proof in a complete one (step-up). The session id changes. ' +
    '`return_to` is where the login was going, `null` after a step-up.',
  body: codeBody,
  answer: answered,
  problems: answerProblems,
} satisfies Operation;

const verifyBackup = {
  ...verify,
  id: 'verifyBackup',
  path: '/verify-backup/{user_id}',
  summary: 'Answer with a backup code',
  description: 'As `verify`, with a backup code, which is used up. Case, spaces and dashes do not matter.',
} satisfies Operation;

const verifyPassword = {
  id: 'verifyPassword',
  method: 'post',
  path: '/verify-password/{user_id}',
  summary: 'Prove the password again',
  description: 'A fresh proof for somebody who has no second factor, before one is set up.',
  body: passwordBody,
  answer: answered,
  problems: ['password-wrong', 'attempts-exhausted', 'login-completed', 'proof-required', 'proof-impossible'],
} satisfies Operation;

const cancel = {
  id: 'cancel',
  method: 'post',
  path: '/cancel/{user_id}',
  summary: 'Give a pending login up',
  description: 'Nobody is logged in by it any more, and it cannot be answered.',
  body: nothing,
  answer: nothing,
  problems: [],
} satisfies Operation;

export const challengeOperations = { getSession: showSession, verify, verifyBackup, verifyPassword, cancel };

/** The JSON face of the challenge. */
export function challengeApi({ gate, logins, responder, access, desk, settings }: ChallengeApi): Endpoint[] {
  const answerWith =
    (lane: Lane) =>
    async ({ request, access: state, body }: Call<Challenged, { code: string }>) => {
      if (state.kind === 'complete' && !(await gate.hasSecondFactor(state.stamp.userId))) return notEnabled();
      const result = await desk.answer(request, body.code, lane);
      if (result.kind !== 'accepted') return toProblem(result, settings.clock());
      await logins.logIn(request, result.user, {});
      return describeLogin(request, result.returnTo ?? null);
    };

  async function provePassword({ request, access: state, body }: Call<Complete, { password: string }>) {
    if (await gate.hasSecondFactor(state.stamp.userId))
      return access.askForProof('missing', ['totp', 'backup-code']);
    if (!settings.user.checkPassword) return access.askForProof('missing', ['pwd']);
    const isRight = async (): Promise<boolean> =>
      (await settings.user.checkPassword?.(state.user, body.password)) === true;
    const outcome = await desk.answerPassword(request, state.user, state.stamp, isRight);
    if (outcome.kind === 'proven') return describeLogin(request, null);
    if (outcome.kind !== 'wrong') return toProblem(outcome, settings.clock());
    return new Problem('password-wrong', 'That password is not right.', { attempts_left: outcome.left });
  }

  async function giveUp({ request, access: state }: Call<Challenged, object>) {
    if (state.kind === 'pending') {
      await logins.logOut(request, false);
      await logins.abandon(request);
    }
    return {};
  }

  async function describeSession({
    request,
  }: Call<object, undefined>): Promise<z.infer<typeof sessionState>> {
    const state = gate.state(request);
    if (state.kind === 'pending') {
      const expires_at = toTime(state.pending.expiresAt);
      return { state: 'pending', ...(await responder.describe(state.pending)), expires_at };
    }
    if (state.kind !== 'complete') return { state: 'anonymous' };
    return { state: 'complete', user_id: state.stamp.userId, proofs: listProofs(state.stamp) };
  }

  /** The session has a new id by now, and a new stamp. */
  function describeLogin(request: Request, returnTo: string | null): z.infer<typeof answered> {
    const state = gate.state(request);
    if (state.kind !== 'complete') throw new Error('The login that was just completed is not there.');
    return { user_id: state.stamp.userId, proofs: listProofs(state.stamp), return_to: returnTo };
  }

  return [
    endpoint(showSession, access.anybody, describeSession),
    endpoint(verify, access.challenged, answerWith('totp')),
    endpoint(verifyBackup, access.challenged, answerWith('backup-code')),
    endpoint(verifyPassword, access.owner, provePassword),
    endpoint(cancel, access.challenged, giveUp),
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

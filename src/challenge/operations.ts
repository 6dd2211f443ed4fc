import { z } from 'zod';
import { named, nothing, type Operation, owedEnrolment, shortText, time } from '../http/operation.js';

export const codeBody = named(
  'Code',
  z.strictObject({
    code: shortText,
    trust: z
      .boolean({ error: 'must be true or false' })
      .optional()
      .describe('Whether this browser is not to be asked again for a while; for a login alone.'),
  }),
);
const passwordBody = named('Password', z.strictObject({ password: shortText }));

/** When each method was last proven in a session. */
export const proofTimes = named(
  'Proofs',
  z.strictObject({ pwd: time, totp: time, 'backup-code': time }).partial(),
);

export const answered = named(
  'Answered',
  z.strictObject({
    user_id: z.string(),
    proofs: proofTimes,
    return_to: z.string().nullable(),
    trusted: z.boolean().describe('Whether this browser is trusted by this answer.'),
    backup_codes_left: z
      .int()
      .optional()
      .describe('After a backup code, not after a support code: how many are left.'),
  }),
);

export const sessionState = named(
  'Session',
  z.discriminatedUnion('state', [
    z.strictObject({ state: z.literal('anonymous') }),
    z.strictObject({
      state: z.literal('pending'),
      factors: z.array(z.enum(['totp', 'backup-code'])),
      answers: z.record(z.string(), z.string()).optional(),
      challenge: z.string().describe('Path of the page where a person goes on.'),
      enrol: owedEnrolment.optional(),
      expires_at: time,
    }),
    z.strictObject({ state: z.literal('complete'), user_id: z.string(), proofs: proofTimes }),
  ]),
);

const getSession = {
  id: 'getSession',
  method: 'get',
  path: '/session',
  summary: 'Where this session stands',
  description:
    'Anonymous, pending (the second step is owed, or with `enrol` a second factor; nothing of the user is told) or complete. As every answer, it carries the token ' +
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
  'first-factor-suspected',
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
  description:
    'As `verify`, with a backup code or the code that support gave, which is used up. Case, spaces and dashes do not matter.',
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

export const challengeOperations = { getSession, verify, verifyBackup, verifyPassword, cancel };

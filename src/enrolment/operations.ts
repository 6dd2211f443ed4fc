import { z } from 'zod';
import { named, type Operation, shortText, time } from '../http/operation.js';

const totpParameters = named(
  'TotpParameters',
  z.strictObject({
    algorithm: z.enum(['SHA1', 'SHA256', 'SHA512']),
    digits: z.union([z.literal(6), z.literal(8)]),
    period: z.int().describe('Seconds that a code lasts.'),
  }),
);

export const enrolment = named(
  'Enrolment',
  z.strictObject({
    secret: z.string().describe('Base32, for whoever types it.'),
    uri: z.string().describe('The `otpauth:` URI of the same.'),
    qr: z.string().describe('The URI as a QR code: an SVG element. Show it on white.'),
    label: z.string().describe('What the authenticator app shows below the issuer.'),
    parameters: totpParameters,
    expires_at: time,
  }),
);

export const enabling = named(
  'Enabling',
  z.strictObject({
    code: shortText,
    name: shortText.optional(),
    replaces: shortText.optional().describe('Id of the authenticator that goes once this one is proven.'),
  }),
);

const enabled = named(
  'Enabled',
  z.strictObject({
    user_id: z.string(),
    backup_codes: z
      .array(z.string())
      .describe(
        'The first backup codes, live at once; empty where an authenticator was added to those that were there.',
      ),
    return_to: z.string().nullable().describe('Where the login was going that it completes; else null.'),
  }),
);

const getSetup = {
  id: 'getSetup',
  method: 'get',
  path: '/setup/{user_id}',
  summary: 'The enrolment of this session',
  description:
    'Begins one or reads it again: the same until it is enabled or 10 minutes old, also under parallel calls. Nothing changes at ' +
    'the account. Whoever has a second factor adds an authenticator to it, or replaces one. Needs a fresh proof, or a login that waits for it.',
  query: { replaces: 'Id of the authenticator that is to be replaced.' },
  answer: enrolment,
  problems: ['proof-required', 'proof-impossible', 'enrolment-refused', 'authenticators-full'],
} satisfies Operation;

const enable = {
  id: 'enable',
  method: 'post',
  path: '/enable/{user_id}',
  summary: 'Prove the enrolment and turn it on',
  description:
    'The first code of the pending enrolment turns the second factor on, or adds an authenticator to it; one that it `replaces` works ' +
    'until then. The session id changes, and all other sessions of the ' +
    'user end. A wrong code that would be right at another time near now is answered with `clock_offset`. Needs a fresh proof, or a login that waits for ' +
    'it, which is complete then.',
  body: enabling,
  answer: enabled,
  problems: [
    'proof-required',
    'proof-impossible',
    'enrolment-refused',
    'enrolment-expired',
    'authenticators-full',
    'code-malformed',
    'code-wrong',
    'login-completed',
  ],
} satisfies Operation;

export const enrolmentOperations = { getSetup, enable };

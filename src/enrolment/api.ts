import { z } from 'zod';
import { formatCode } from '../backup-codes/code.js';
import { SecondFactorError } from '../errors.js';
import { type Call, type Endpoint, endpoint } from '../http/endpoints.js';
import { named, type Operation, shortText, time, toTime } from '../http/operation.js';
import type { ApiAccess } from '../login/access.js';
import type { Complete } from '../login/guards.js';
import { cleanName, DEFAULT_NAME } from '../totp/name.js';
import type { EnrolmentDesk } from './desk.js';
import { toProblem } from './messages.js';

const totpParameters = named(
  'TotpParameters',
  z.strictObject({
    algorithm: z.enum(['SHA1', 'SHA256', 'SHA512']),
    digits: z.union([z.literal(6), z.literal(8)]),
    period: z.int().describe('Seconds that a code lasts.'),
  }),
);

const enrolment = named(
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

const enabling = named('Enabling', z.strictObject({ code: shortText, name: shortText.optional() }));

const enabled = named(
  'Enabled',
  z.strictObject({
    user_id: z.string(),
    backup_codes: z
      .array(z.string())
      .describe(
        'The first backup codes, live at once; empty where an authenticator was added to those that were there.',
      ),
  }),
);

const setUp = {
  id: 'getSetup',
  method: 'get',
  path: '/setup/{user_id}',
  summary: 'The enrolment of this session',
  description:
    'Begins one or reads it again: the same until it is enabled or 10 minutes old, also under parallel calls. Nothing changes at ' +
    'the account. Whoever has a second factor adds an authenticator to it. Needs a fresh proof.',
  answer: enrolment,
  problems: ['proof-required', 'proof-impossible', 'enrolment-refused', 'authenticators-full'],
} satisfies Operation;

const enable = {
  id: 'enable',
  method: 'post',
  path: '/enable/{user_id}',
  summary: 'Prove the enrolment and turn it on',
  description:
    'The first code of the pending enrolment turns the second factor on. The session id changes, and all other sessions of the ' +
    'user end. A wrong code that would be right at another time near now is answered with `clock_offset`. Needs a fresh proof.',
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

export const enrolmentOperations = { getSetup: setUp, enable };

/** The JSON face of enrolment. */
export function enrolmentApi(access: ApiAccess, desk: EnrolmentDesk): Endpoint[] {
  async function offer({ access: complete }: Call<Complete, undefined>): Promise<z.infer<typeof enrolment>> {
    const { key, uri, qr, label, parameters, expiresAt } = await desk.offer(complete);
    const { digits, period } = parameters;
    const algorithm = nameAlgorithm(parameters.algorithm);
    return {
      secret: key,
      uri,
      qr,
      label,
      parameters: { algorithm, digits, period },
      expires_at: toTime(expiresAt),
    };
  }

  async function confirm({ request, access: complete, body }: Call<Complete, z.infer<typeof enabling>>) {
    const confirmed = await desk.confirm(
      request,
      complete,
      body.code,
      requireName(body.name ?? DEFAULT_NAME),
    );
    const user_id = complete.stamp.userId;
    if (confirmed.kind === 'enabled') return { user_id, backup_codes: confirmed.backupCodes.map(formatCode) };
    return confirmed.kind === 'added' ? { user_id, backup_codes: [] } : toProblem(confirmed);
  }

  return [endpoint(setUp, access.provenOwner, offer), endpoint(enable, access.provenOwner, confirm)];
}

/** @throws SecondFactorError `request-invalid`. */
export function requireName(input: string): string {
  const name = cleanName(input);
  if (name !== undefined) return name;
  throw new SecondFactorError('request-invalid', 'The field "name" must have 1 to 64 characters.');
}

/** As in `otpauth:` URIs. */
export function nameAlgorithm(algorithm: 'sha1' | 'sha256' | 'sha512'): 'SHA1' | 'SHA256' | 'SHA512' {
  return algorithm.toUpperCase() as Uppercase<typeof algorithm>;
}

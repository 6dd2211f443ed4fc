import type { z } from 'zod';
import { formatCode } from '../backup-codes/code.js';
import { SecondFactorError } from '../errors.js';
import { type Call, type Endpoint, endpoint } from '../http/endpoints.js';
import type { ChooseLanguage } from '../http/language.js';
import { toTime } from '../http/operation.js';
import type { ApiAccess } from '../login/access.js';
import { cleanName } from '../totp/name.js';
import { type EnrolmentDesk, type Person, userIdOf } from './desk.js';
import { toProblem } from './messages.js';
import { type enabling, type enrolment, enrolmentOperations as operations } from './operations.js';

/** The JSON face of enrolment. */
export function enrolmentApi(access: ApiAccess, desk: EnrolmentDesk, wordsFor: ChooseLanguage): Endpoint[] {
  async function offer({
    request,
    access: person,
  }: Call<Person, undefined>): Promise<z.infer<typeof enrolment>> {
    const { replaces } = request.query;
    const offered = await desk.offer(request, person, typeof replaces === 'string' ? replaces : null);
    const { key, uri, qr, label, parameters, expiresAt } = offered;
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

  async function confirm({ request, access: person, body }: Call<Person, z.infer<typeof enabling>>) {
    const name = body.name === undefined ? undefined : requireName(body.name);
    const confirmed = await desk.confirm(request, person, body.code, { name, replaces: body.replaces });
    if (confirmed.kind !== 'enabled' && confirmed.kind !== 'added')
      return toProblem(confirmed, wordsFor(request));
    const codes = confirmed.kind === 'enabled' ? confirmed.backupCodes : [];
    return {
      user_id: userIdOf(person),
      backup_codes: codes.map(formatCode),
      return_to: person.kind === 'enrolling' ? person.pending.returnTo : null,
    };
  }

  return [
    endpoint(operations.getSetup, access.enroller, offer),
    endpoint(operations.enable, access.enroller, confirm),
  ];
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

import type { Method } from '../model.js';
import { type AssuranceOptions, type FirstFactor, factorKinds } from '../options.js';
import type { Stamp } from './stamp.js';

/** What a complete login is worth, in the words of OpenID Connect. */
export interface Assurance {
  userId: string;
  /** What was proven (RFC 8176). `mfa` stands beside two kinds: something known, had, or of the body. */
  amr: string[];
  /** The host's name for that (`assurance.acr`); none where it gives none or nothing was proven. */
  acr?: string;
  /** When the last proof was given, in seconds since the Unix epoch; none where nobody knows. */
  authTime?: number;
  /** When each method was last proven, in milliseconds; `pwd` is the first factor, whatever `amr` names it. */
  proofs: Partial<Record<Method, number>>;
  /**
   * Raised by every security change of the user. What is to end with this login, though no session carries it, such as a refresh token,
   * keeps it and compares it with that of `service.status`.
   */
  epoch: number;
  /**
   * Until when the user has to set a second factor up, in milliseconds, where the policy asks for one and this login went on without:
   * it ends then.
   */
  enrolBy?: number;
}

/** `req.secondFactor`: where the login of a request stands at this moment. */
export type RequestSecondFactor =
  { state: 'anonymous' } | { state: 'pending' } | ({ state: 'complete' } & Assurance);

declare global {
  namespace Express {
    interface Request {
      /** Set once the request has met a protected Passport. A session alone counts here: a login without one is `anonymous`. */
      secondFactor?: RequestSecondFactor;
    }
  }
}

/** A printed code is a one-time password as well (RFC 4949, to which RFC 8176 refers). */
const ONE_TIME_PASSWORD = 'otp' satisfies FirstFactor;

/** What a stamp proves. Nothing is asked and nothing is read: it is of the moment that the stamp is. */
export function assess(stamp: Stamp, rules: AssuranceOptions): Assurance {
  const methods = Object.keys(stamp.proofs) as Method[];
  // A stamp that names none is of the password where no login is of anything else; else nobody knows.
  const first = stamp.firstFactor ?? (rules.firstFactor ? undefined : 'pwd');
  const proven = methods.flatMap((method) => (method === 'pwd' ? (first ?? []) : ONE_TIME_PASSWORD));
  const factors = [...new Set(proven)];
  const isMultiple = new Set(factors.map((factor) => factorKinds[factor])).size > 1;
  const name = methods.length === 0 ? undefined : rules.acr?.[isMultiple ? 'twoFactors' : 'oneFactor'];
  // An adopted session was proven at a time that nobody knows.
  const proofs = Object.fromEntries(Object.entries(stamp.proofs).filter(([, at]) => at > 0));
  const last = Math.max(0, ...Object.values(proofs));
  return {
    userId: stamp.userId,
    amr: isMultiple ? [...factors, 'mfa'] : factors,
    ...(name !== undefined && { acr: name }),
    ...(last > 0 && { authTime: Math.floor(last / 1000) }),
    proofs,
    epoch: stamp.epoch,
    ...(stamp.enrolBy !== undefined && { enrolBy: stamp.enrolBy }),
  };
}

import type { CookieOptions } from 'express-session';
import type { ReportContext } from './context.js';
import type { Finding, Found, Row, State, Value } from '../findings.js';

/** What counts of a session cookie's flags. */
interface Flags {
  httpOnly: boolean;
  /** `auto` sets it with https. */
  secure: boolean | 'auto';
  sameSite: string | undefined;
  path: string;
}

/**
 * @param sent the flags of the cookie that the running server really set, such as `Path=/; HttpOnly`.
 * @param isHttps whether the server was asked over https; over http a cookie without `Secure` is in order.
 */
export function describeCookie(
  configured: CookieOptions | undefined,
  sent: string | undefined,
  isHttps: boolean,
  mode: Required<ReportContext>['mode'],
): Finding {
  const isProduction = mode === 'production';
  const found: Found[] = [];
  const rows: Row[] = [];
  if (configured) {
    const flags = readOptions(configured);
    found.push(...judge(flags, isProduction));
    rows.push(...describeFlags(flags, isProduction));
  }
  if (sent !== undefined) {
    const faults = judge(readHeader(sent), isProduction && isHttps);
    found.push(...faults.filter(({ code }) => !found.some((known) => known.code === code)));
    rows.push({ name: 'cookie-sent', value: sent, state: faults.length === 0 ? 'ok' : 'problem' });
  }
  if (rows.length === 0)
    rows.push({ name: 'cookie-sent', value: { word: 'not-looked-at' }, state: 'unknown' });
  return { rows, problems: found };
}

/** With the defaults of express-session. */
function readOptions({ httpOnly = true, secure = false, sameSite, path = '/' }: CookieOptions): Flags {
  const policy = sameSite === true ? 'strict' : sameSite === false ? undefined : sameSite;
  return { httpOnly, secure, sameSite: policy, path };
}

function readHeader(sent: string): Flags {
  const attributes = new Map(
    sent.split('; ').map((part) => {
      const [name = '', value = ''] = part.split('=');
      return [name.toLowerCase(), value] as const;
    }),
  );
  return {
    httpOnly: attributes.has('httponly'),
    secure: attributes.has('secure'),
    sameSite: attributes.get('samesite')?.toLowerCase(),
    path: attributes.get('path') ?? '',
  };
}

function judge({ httpOnly, secure, sameSite }: Flags, mustBeSecure: boolean): Found[] {
  return [
    ...(httpOnly ? [] : [{ code: 'cookie-not-http-only', details: {} } as const]),
    ...(secure || !mustBeSecure ? [] : [{ code: 'cookie-not-secure', details: {} } as const]),
    ...(sameSite === 'none' ? [{ code: 'cookie-same-site-none', details: {} } as const] : []),
  ];
}

function describeFlags({ httpOnly, secure, sameSite, path }: Flags, isProduction: boolean): Row[] {
  const say = (isOn: boolean): Value => ({ word: isOn ? 'yes' : 'no' });
  const secureState: State = secure ? 'ok' : isProduction ? 'problem' : 'notice';
  return [
    { name: 'http-only', value: say(httpOnly), state: httpOnly ? 'ok' : 'problem' },
    { name: 'secure', value: secure === 'auto' ? 'auto' : say(secure), state: secureState },
    sameSite === undefined
      ? { name: 'same-site', value: { word: 'not-set' }, state: 'notice' }
      : { name: 'same-site', value: sameSite, state: sameSite === 'none' ? 'problem' : 'ok' },
    { name: 'cookie-path', value: path, state: 'ok' },
  ];
}

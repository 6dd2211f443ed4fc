import type { RingKey } from '../crypto/key-ring.js';
import type { Settings } from '../settings.js';
import type { Look } from './look.js';
import type { Finding, Row } from '../findings.js';

export function describeConfiguration(
  settings: Settings,
  keys: Look<readonly RingKey[]>,
  mode: 'production' | 'development',
): Finding {
  const { enabled, issuer, origin, paths, window, limits } = settings;
  const loosened = findLoosened(settings);
  const isDevelopment = mode === 'development';
  return {
    rows: [
      { name: 'enabled', value: { word: enabled ? 'on' : 'off' }, state: enabled ? 'ok' : 'problem' },
      { name: 'mode', value: { word: mode }, state: isDevelopment ? 'notice' : 'ok' },
      { name: 'issuer', value: issuer, state: 'ok' },
      { name: 'origin', value: origin, state: 'ok' },
      { name: 'pages', value: paths.pages, state: 'ok' },
      { name: 'api', value: paths.api, state: 'ok' },
      { name: 'window', value: `-${window.past} … +${window.future}`, state: 'ok' },
      keys.seen
        ? { name: 'keys', value: keys.seen.map(({ id }) => id).join(', '), state: 'ok' }
        : { name: 'keys', value: { word: 'no-answer' }, state: 'problem' },
      { name: 'cap', value: limits.cap, state: 'ok' },
      ...describePolicy(settings),
      loosened.length === 0
        ? { name: 'loosened', value: { word: 'none' }, state: 'ok' }
        : { name: 'loosened', value: loosened.join(', '), state: 'notice' },
    ],
    problems: [
      ...(enabled ? [] : [{ code: 'switched-off', details: {} } as const]),
      ...(keys.seen ? [] : [{ code: 'keys-unavailable', details: { reason: keys.fault } } as const]),
      ...(isDevelopment ? [{ code: 'development-mode', details: {} } as const] : []),
    ],
  };
}

function describePolicy({ policy }: Settings): Row[] {
  if (!policy) return [{ name: 'required', value: { word: 'none' }, state: 'ok' }];
  const { required, grace } = policy;
  const time = grace && ('until' in grace ? grace.until.toISOString() : `${grace.days} d`);
  return [
    { name: 'required', value: { word: required === true ? 'everybody' : 'by-rule' }, state: 'ok' },
    { name: 'grace', value: time ?? { word: 'none' }, state: 'ok' },
  ];
}

/** Options that docs/options.md marks as loosening. */
function findLoosened({ login, trustedBrowsers, adoptUntil, clock }: Settings): string[] {
  const loosened = {
    'login.skipSecondStep': login.skipSecondStep !== undefined,
    'login.sessionless': (login.sessionless ?? 'refuse') !== 'refuse',
    'login.impersonation': login.impersonation !== undefined,
    'login.adoptUnstamped': adoptUntil > clock(),
    trustedBrowsers: trustedBrowsers !== undefined,
  };
  return Object.entries(loosened).flatMap(([name, isLoosened]) => (isLoosened ? [name] : []));
}

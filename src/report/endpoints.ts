import type { Settings } from '../settings.js';
import type { Look } from './look.js';
import type { Finding, Found, Row } from '../findings.js';
import type { Endpoint, Visit } from './visit.js';

export function describeEndpoints(
  url: string | undefined,
  visited: Look<Visit> | undefined,
  { paths }: Settings,
): Finding {
  if (url === undefined || !visited)
    return { rows: [{ name: 'server', value: { word: 'not-looked-at' }, state: 'unknown' }], problems: [] };
  if (!visited.seen) {
    return {
      rows: [{ name: 'server', of: url, value: { word: 'no-answer' }, state: 'problem' }],
      problems: [{ code: 'server-not-running', details: { url, reason: visited.fault } }],
    };
  }
  const { endpoints } = visited.seen;
  const absent = (part: Endpoint['part']): boolean =>
    endpoints.filter((each) => each.part === part).every(({ status }) => status === 404);
  const isApiAbsent = absent('api');
  return {
    rows: [
      { name: 'server', of: url, value: { word: 'answers' }, state: 'ok' },
      ...endpoints.map(({ part, request: of, answer: value, expected }): Row => {
        const isRight = value === expected;
        const state = isRight ? 'ok' : part === 'api' && isApiAbsent ? 'notice' : 'problem';
        return { name: 'endpoint', of, value, expected, state };
      }),
    ],
    problems: judge(endpoints, absent('pages'), isApiAbsent, paths),
  };
}

function judge(
  endpoints: readonly Endpoint[],
  arePagesAbsent: boolean,
  isApiAbsent: boolean,
  paths: Settings['paths'],
): Found[] {
  const wrong = endpoints
    .filter(({ part }) => !(part === 'pages' ? arePagesAbsent : isApiAbsent))
    .filter(({ answer, expected }) => answer !== expected)
    .map(({ request: name, answer, expected }) => `${name}: ${answer} (${expected})`);
  return [
    ...(arePagesAbsent ? [{ code: 'pages-not-mounted', details: { path: paths.pages } } as const] : []),
    ...(isApiAbsent ? [{ code: 'api-not-mounted', details: { path: paths.api } } as const] : []),
    ...(wrong.length > 0 ? [{ code: 'endpoint-wrong', details: { endpoints: wrong } } as const] : []),
  ];
}

import { type Answered, Visitor } from '../helpers/visitor.js';

/** Users of one fault: with a second factor and without; complete, half-way and about to sign in. */
export interface Cast {
  /** Ada has a second factor; her login here is complete. */
  ada: Visitor;
  /** Bob has none; his login is complete. */
  bob: Visitor;
  adaName: string;
  bobName: string;
  backupCodes: string[];
  /** Ada's password was given, her code was not; each holds the hidden fields of the page that asks for it. */
  half: { visitor: Visitor; fields: Record<string, string> }[];
  /** Visitors with the login page open. */
  waiting: { visitor: Visitor; fields: Record<string, string> }[];
}

/** What was seen while a fault lasted. */
export interface Findings {
  requests: number;
  /** Answers that opened something for somebody whose login was not complete. */
  letIn: number;
  refused: number;
  /** Backup codes that were accepted meanwhile. */
  accepted: string[];
  /** Answers that should not have come, in words. */
  unexpected: string[];
  /** The longest answer in milliseconds, and the longest of those for which the example hashes a password first. */
  slowest: number;
  slowestAfterHash: number;
}

export const noFindings = (): Findings => ({
  requests: 0,
  letIn: 0,
  refused: 0,
  accepted: [],
  unexpected: [],
  slowest: 0,
  slowestAfterHash: 0,
});

/** Rounds of a fault; each uses up one pending login and one open login page. */
export const ROUNDS = 3;

export async function createCast(urls: readonly string[], name: string): Promise<Cast> {
  const [adaName, bobName] = [`ada-${name}`, `bob-${name}`];
  const [ada, bob] = [new Visitor(urls), new Visitor(urls)];
  await Promise.all([ada.register(adaName), bob.register(bobName)]);
  const { backupCodes } = await ada.setUp();
  const open = async (page: string, visitor: Visitor) => ({ visitor, fields: await visitor.hidden(page) });
  const visitors = (): Visitor[] => Array.from({ length: ROUNDS }, () => new Visitor(urls));
  const half = visitors();
  await Promise.all(half.map((visitor) => visitor.signIn(adaName)));
  return {
    ...{ ada, bob, adaName, bobName, backupCodes },
    half: await Promise.all(half.map((visitor) => open('/two-factor/challenge', visitor))),
    waiting: await Promise.all(visitors().map((visitor) => open('/login', visitor))),
  };
}

/** What an answer may be while the fault lasts. */
type Judge = (answered: Answered) => 'refused' | 'served' | 'let in' | 'unexpected';

const isIn = ({ status, location }: Answered): boolean => status === 200 || location === '/account';

/** Of somebody whose login is complete: served where the fault allows it, else refused, never sent to sign in again. */
const complete =
  (mayServe: boolean): Judge =>
  (answered) => {
    if (answered.status === 503) return 'refused';
    return mayServe && isIn(answered) ? 'served' : 'unexpected';
  };

/** Of somebody who must not get in: any answer but that, without a fault of the code. */
const incomplete: Judge = (answered) => {
  if (answered.status === 503) return 'refused';
  if (isIn(answered)) return 'let in';
  return answered.status >= 500 ? 'unexpected' : 'served';
};

const anonymous: Judge = ({ status }) => (status === 200 ? 'served' : 'unexpected');

/** One round of requests at once: sessions, half-way logins, answers, new logins, an API, visitors. */
export async function sendRound(
  urls: readonly string[],
  cast: Cast,
  round: number,
  mayServe: boolean,
  findings: Findings,
): Promise<void> {
  const send = async (what: string, request: Promise<Answered>, judge: Judge): Promise<void> => {
    const start = performance.now();
    findings.requests += 1;
    const answered = await request;
    const time = performance.now() - start;
    const kind = what.startsWith('password') ? 'slowestAfterHash' : 'slowest';
    findings[kind] = Math.max(findings[kind], time);
    const verdict = judge(answered);
    if (verdict === 'refused') findings.refused += 1;
    else if (verdict === 'let in') findings.letIn += 1;
    if (verdict === 'let in' || verdict === 'unexpected') {
      findings.unexpected.push(`${what}: ${String(answered.status)} ${answered.location ?? ''}`);
    }
  };
  const { ada, bob, adaName, backupCodes } = cast;
  const password = `${adaName} has a long password`;
  const basic = { Authorization: `Basic ${Buffer.from(`${adaName}:${password}`).toString('base64')}` };
  const half = cast.half[round]!;
  const waiting = cast.waiting[round]!;
  const visitor = new Visitor(urls);
  const code = backupCodes[round] ?? '';
  await Promise.all([
    send('ada, account', ada.copy().get('/account', round), complete(mayServe)),
    send('ada, two-factor', ada.copy().get('/two-factor', round + 1), complete(mayServe)),
    send('bob, account', bob.copy().get('/account', round), complete(mayServe)),
    send('half-way, account', half.visitor.copy().get('/account', round), incomplete),
    send('half-way, set-up', half.visitor.copy().get('/two-factor/setup', round), incomplete),
    send(
      'half-way, wrong code',
      half.visitor.copy().post('/two-factor/challenge', { ...half.fields, code: '000000' }, round),
      incomplete,
    ),
    send(
      'half-way, right code',
      half.visitor.copy().post('/two-factor/challenge', { ...half.fields, code }, round + 1),
      (answered) => {
        if (isIn(answered) || answered.status === 303) findings.accepted.push(code);
        return complete(mayServe)(answered);
      },
    ),
    send(
      'password alone',
      waiting.visitor.post('/login', { ...waiting.fields, username: adaName, password }, round),
      incomplete,
    ),
    send('password by HTTP Basic', visitor.copy().get('/api/basic/me', round, basic), incomplete),
    send('visitor, login page', visitor.copy().get('/login', round), anonymous),
    send('visitor, stylesheet', visitor.copy().get('/two-factor/style.css', round), anonymous),
  ]);
}

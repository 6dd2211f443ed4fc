import { readHiddenFields, createVirtualAuthenticator } from 'passport-second-factor/testing';
import type supertest from 'supertest';
import { problemStatuses, type ProblemCode } from '../../src/errors.js';
import { type Agent, API, type Host, readBackupCodes, readFormToken, readSetupKey } from './host.js';

/** What a person or a program wants to do with the session of an agent. */
export type Move =
  /** Answers the pending login, or gives a fresh proof in a complete one. */
  | { does: 'answer'; code: string; trust?: boolean }
  | { does: 'provePassword'; password: string }
  /** Opens the set-up: the outcome has the `key`. */
  | { does: 'setup' }
  | { does: 'enable'; code: string; name?: string }
  | { does: 'disable'; code: string }
  | { does: 'proposeCodes' }
  | { does: 'saveCodes' }
  | { does: 'cancel' }
  | { does: 'rename'; id: string; name: string }
  | { does: 'remove'; id: string }
  /** Of one trusted browser, or of `all`. */
  | { does: 'endTrust'; id: string };

const shortNames = {
  'code-malformed': 'malformed',
  'code-mistyped': 'mistyped',
  'code-wrong': 'wrong',
  'password-wrong': 'wrong',
  'code-used': 'used',
  'attempts-delayed': 'delayed',
  'attempts-suspended': 'suspended',
  'attempts-exhausted': 'exhausted',
  'login-completed': 'completed',
  'login-expired': 'expired',
  'authenticators-full': 'full',
  'authenticator-last': 'last',
} as const satisfies Partial<Record<ProblemCode, string>>;

/** What came of a move. `unavailable`: a 5xx. */
export type Kind =
  | 'accepted'
  | 'unavailable'
  | (typeof shortNames)[keyof typeof shortNames]
  | Exclude<ProblemCode, keyof typeof shortNames>;

export interface Outcome {
  status: number;
  kind: Kind;
  /** Seconds, as the header says. */
  retryAfter: number | undefined;
  /** What the page or the answer shows: base32. */
  key: string;
  backupCodes: string[];
  response: supertest.Response;
}

/** Sends what was made ready. */
type Send = () => Promise<Outcome>;

export interface Face {
  name: 'pages' | 'API';
  /** Makes a move ready, with a token from now. */
  prepare(agent: Agent, move: Move): Promise<Send>;
  answer(agent: Agent, code: string): Promise<Outcome>;
  provePassword(agent: Agent, password: string): Promise<Outcome>;
  setup(agent: Agent): Promise<Outcome>;
  /** The outcome has the first backup codes. */
  enable(agent: Agent, code: string, name?: string): Promise<Outcome>;
  disable(agent: Agent, code: string): Promise<Outcome>;
  /** The outcome has the proposed codes. */
  proposeCodes(agent: Agent): Promise<Outcome>;
  saveCodes(agent: Agent): Promise<Outcome>;
  cancel(agent: Agent): Promise<Outcome>;
  rename(agent: Agent, id: string, name: string): Promise<Outcome>;
  remove(agent: Agent, id: string): Promise<Outcome>;
  /** Answers a login, and wants this browser to be trusted. */
  answerAndTrust(agent: Agent, code: string): Promise<Outcome>;
  endTrust(agent: Agent, id: string): Promise<Outcome>;
  readBrowsers(agent: Agent): Promise<{ id: string; name: string; isThis: boolean }[]>;
  /** How many backup codes are left, e.g. `9 of 10`. */
  readLeft(agent: Agent): Promise<string>;
  readAuthenticators(agent: Agent): Promise<{ id: string; name: string }[]>;
  /** A fresh agent that has passed both steps; or has not, where the code was not right. */
  signInWhole(host: Host, userId: string, code: string): Promise<Agent>;
}

type Reading = Pick<Face, 'name' | 'prepare' | 'readLeft' | 'readAuthenticators' | 'readBrowsers'> & {
  /** The codes that this session may read after such an outcome. */
  findCodes(agent: Agent, outcome: Outcome): Promise<string[]>;
};

function makeFace({ findCodes, ...reading }: Reading): Face {
  const run = async (agent: Agent, move: Move): Promise<Outcome> => (await reading.prepare(agent, move))();
  const runWithCodes = async (agent: Agent, move: Move): Promise<Outcome> => {
    const outcome = await run(agent, move);
    if (outcome.kind !== 'accepted') return outcome;
    return { ...outcome, backupCodes: await findCodes(agent, outcome) };
  };
  return {
    ...reading,
    answer: (agent, code) => run(agent, { does: 'answer', code }),
    provePassword: (agent, password) => run(agent, { does: 'provePassword', password }),
    setup: (agent) => run(agent, { does: 'setup' }),
    enable: (agent, code, name) =>
      runWithCodes(agent, { does: 'enable', code, ...(name !== undefined && { name }) }),
    disable: (agent, code) => run(agent, { does: 'disable', code }),
    proposeCodes: (agent) => runWithCodes(agent, { does: 'proposeCodes' }),
    saveCodes: (agent) => run(agent, { does: 'saveCodes' }),
    cancel: (agent) => run(agent, { does: 'cancel' }),
    rename: (agent, id, name) => run(agent, { does: 'rename', id, name }),
    remove: (agent, id) => run(agent, { does: 'remove', id }),
    answerAndTrust: (agent, code) => run(agent, { does: 'answer', code, trust: true }),
    endTrust: (agent, id) => run(agent, { does: 'endTrust', id }),
    async signInWhole(host, userId, code) {
      const agent = await host.signIn(userId);
      await run(agent, { does: 'answer', code });
      return agent;
    },
  };
}

/** Makes all moves ready and then sends them in the same instant. */
export async function atOnce(moves: readonly (readonly [Face, Agent, Move])[]): Promise<Outcome[]> {
  const ready = await Promise.all(moves.map(([face, agent, move]) => face.prepare(agent, move)));
  return Promise.all(ready.map((send) => send()));
}

/** How many outcomes there are of each kind. */
export function tally(outcomes: readonly Outcome[]): Partial<Record<Kind, number>> {
  const counts: Partial<Record<Kind, number>> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function describeResponse(response: supertest.Response, kind: Kind): Outcome {
  const retryAfter: string | undefined = response.headers['retry-after'];
  return {
    status: response.status,
    kind,
    retryAfter: retryAfter === undefined ? undefined : Number(retryAfter),
    key: '',
    backupCodes: [],
    response,
  };
}

/** Both faces answer a refusal with the status of its code. */
function toKind(code: ProblemCode, { status }: supertest.Response): Kind {
  if (problemStatuses[code] !== status) throw new Error(`${code} was answered with ${status}.`);
  return code in shortNames ? shortNames[code as keyof typeof shortNames] : (code as Kind);
}

const PAGES = '/two-factor';
/** Has a form with the token in every state that has a token. */
const CHALLENGE = `${PAGES}/challenge?return_to=%2Faccount`;
/** The same of a login that waits for a second factor to be set up. */
const REQUIRED = `${PAGES}/required`;

/** What our pages say; words that no other outcome has. */
const words: [RegExp, ProblemCode][] = [
  [/Enter the 6 digits (from|that) /, 'code-malformed'],
  [/typing mistake/, 'code-mistyped'],
  [/That code is not right/, 'code-wrong'],
  [/That password is not right/, 'password-wrong'],
  [/That code was used already/, 'code-used'],
  [/Try again in \d+ (second|minute)s?\b/, 'attempts-delayed'],
  [/codes of this kind no longer work/, 'attempts-suspended'],
  [/There were too many wrong codes\. Sign in again/, 'attempts-exhausted'],
  [/Change the password first/, 'first-factor-suspected'],
  [/completed by another request/, 'login-completed'],
  [/Your sign-in timed out/, 'login-expired'],
  [/This set-up timed out/, 'enrolment-expired'],
  [/as many authenticators as one may have/, 'authenticators-full'],
  [/This is your only authenticator/, 'authenticator-last'],
  [/it was removed or used meanwhile/, 'not-found'],
  [/This form is out of date/, 'form-token-invalid'],
  [/sent by another site/, 'cross-site-refused'],
  [/Sign out and sign in again/, 'proof-impossible'],
  [/cannot be changed|cannot be set up/, 'enrolment-refused'],
  [/so it cannot be turned off/, 'removal-refused'],
  [/Set up two-step sign-in first/, 'enrolment-required'],
  [/Enter a name of 1 to 64 characters/, 'code-malformed'],
];

/** What a page says that something was not done for. */
export function problemOfPage(text: string): ProblemCode | undefined {
  return words.find(([pattern]) => pattern.test(text))?.[1];
}

/** Where a page's form is, where it goes, and where it leads to when all went well. */
interface PageMove {
  page: string;
  path: string;
  fields: Record<string, string>;
  /** A redirect that, of this form alone, means something else than `accepted` or than it usually does. */
  meanings?: Record<string, Kind>;
}

function toPageMove(move: Exclude<Move, { does: 'setup' }>): PageMove {
  const authenticators = `${PAGES}/authenticators`;
  switch (move.does) {
    case 'answer': {
      const fields = { code: move.code, ...(move.trust === true && { trust: 'on' }) };
      return { page: CHALLENGE, path: `${PAGES}/challenge`, fields };
    }
    case 'provePassword': {
      const page = `${PAGES}/challenge?return_to=%2Ftwo-factor%2Fsetup`;
      return { page, path: `${PAGES}/challenge`, fields: { password: move.password } };
    }
    case 'enable': {
      const fields = { code: move.code, ...(move.name !== undefined && { name: move.name }) };
      return { page: `${PAGES}/setup`, path: `${PAGES}/setup`, fields };
    }
    case 'disable':
      return { page: `${PAGES}/disable`, path: `${PAGES}/disable`, fields: { code: move.code } };
    case 'proposeCodes': {
      const meanings: Record<string, Kind> = { [`${PAGES}/backup-codes`]: 'accepted' };
      return { page: `${PAGES}/backup-codes`, path: `${PAGES}/backup-codes`, fields: {}, meanings };
    }
    case 'saveCodes': {
      const meanings: Record<string, Kind> = { [`${PAGES}/backup-codes`]: 'proposal-missing' };
      return { page: `${PAGES}/backup-codes`, path: `${PAGES}/backup-codes/saved`, fields: {}, meanings };
    }
    case 'cancel':
      return {
        page: CHALLENGE,
        path: `${PAGES}/cancel`,
        fields: {},
        meanings: { '/login': 'accepted' },
      };
    case 'rename': {
      const path = `${authenticators}/${encodeURIComponent(move.id)}/name`;
      return { page: path, path, fields: { name: move.name } };
    }
    case 'remove': {
      const path = `${authenticators}/${encodeURIComponent(move.id)}/remove`;
      return { page: path, path, fields: {} };
    }
    case 'endTrust':
      return { page: `${PAGES}/browsers`, path: `${PAGES}/browsers`, fields: { browser: move.id } };
  }
}

function readPage(response: supertest.Response, meanings: Record<string, Kind> = {}): Outcome {
  const { status, text } = response;
  const location: string | undefined = response.headers['location'];
  if (location !== undefined) {
    const usual: Record<string, Kind> = {
      '/login': 'login-required',
      [`${PAGES}/challenge`]: 'second-factor-required',
      [REQUIRED]: 'second-factor-required',
    };
    const isProof = location.startsWith(`${PAGES}/challenge?return_to=`);
    const kind = meanings[location] ?? usual[location] ?? (isProof ? 'proof-required' : 'accepted');
    return describeResponse(response, kind);
  }
  if (status >= 500) return describeResponse(response, 'unavailable');
  if (status < 400) return describeResponse(response, 'accepted');
  const code = problemOfPage(text);
  if (code === undefined) throw new Error(`A page with ${status} says something unknown: ${text}`);
  return describeResponse(response, toKind(code, response));
}

function findHiddenFields(html: string): Record<string, string> | undefined {
  return html.includes('name="second_factor_token"') ? readHiddenFields(html) : undefined;
}

/**
 * The pages, as a person's browser uses them. Where a page has no form for what is to be done, the form is sent all the same,
 * with the token of another page of the session, as an attacker would.
 */
const pages = makeFace({
  name: 'pages',

  async prepare(agent, move) {
    if (move.does === 'setup') {
      return async () => {
        const response = await agent.get(`${PAGES}/setup`);
        const outcome = readPage(response);
        return outcome.kind === 'accepted' ? { ...outcome, key: readSetupKey(response.text) } : outcome;
      };
    }
    const { page, path, fields, meanings } = toPageMove(move);
    const opened = await agent.get(page);
    const own = findHiddenFields(opened.text);
    const others = own ? [] : [CHALLENGE, REQUIRED];
    let token = readFormTokenOf(opened.text);
    for (const other of others) token ||= readFormTokenOf((await agent.get(other)).text);
    if (token === '') return async () => readPage(opened);
    // Without a second factor there is nothing to turn off: the overview is shown.
    const isElsewhere = !own && opened.headers['location'] === PAGES;
    return async () => {
      const all = { ...own, second_factor_token: token, ...fields };
      const outcome = readPage(await agent.post(path).type('form').send(all), meanings);
      return isElsewhere && outcome.response.headers['location'] === PAGES
        ? { ...outcome, kind: 'not-enabled' }
        : outcome;
    };
  },

  async findCodes(agent) {
    return readBackupCodes((await agent.get(`${PAGES}/backup-codes`)).text);
  },

  async readLeft(agent) {
    return /<strong>(\d+ of \d+) left<\/strong>/.exec((await agent.get(PAGES)).text)?.[1] ?? '';
  },

  async readAuthenticators(agent) {
    const { text } = await agent.get(PAGES);
    const rows = [...text.matchAll(/<li>\s*<strong>([^<]*)<\/strong>[\s\S]*?authenticators\/([^/]+)\/name/g)];
    return rows.map(([, name = '', id = '']) => ({ id, name }));
  },

  async readBrowsers(agent) {
    return readBrowserRows((await agent.get(`${PAGES}/browsers`)).text);
  },
});

/** The rows of the page with trusted browsers. */
function readBrowserRows(html: string): { id: string; name: string; isThis: boolean }[] {
  const rows = html.matchAll(
    /<li>\s*<strong>([^<]*)<\/strong>( <span class="sf-badge">this browser)?[\s\S]*?name="browser" value="([^"]*)"/g,
  );
  return [...rows].map(([, name = '', isThis, id = '']) => ({ id, name, isThis: isThis !== undefined }));
}

function readFormTokenOf(html: string): string {
  return findHiddenFields(html) ? readFormToken(html) : '';
}

/** Path and body; without a body it is a GET. */
function toCall(move: Move): { path: string; body?: object } {
  switch (move.does) {
    case 'answer': {
      // By its shape, as a person would choose the field.
      const isTotp = /^[\d\s-]{0,12}$/.test(move.code);
      const { code, trust } = move;
      const body = { code, ...(trust !== undefined && { trust }) };
      return { path: isTotp ? '/verify/me' : '/verify-backup/me', body };
    }
    case 'provePassword':
      return { path: '/verify-password/me', body: { password: move.password } };
    case 'setup':
      return { path: '/setup/me' };
    case 'enable': {
      const { code, name } = move;
      return { path: '/enable/me', body: { code, ...(name !== undefined && { name }) } };
    }
    case 'disable':
      return { path: '/disable/me', body: { code: move.code } };
    case 'proposeCodes':
      return { path: '/backup-codes/me' };
    case 'saveCodes':
      return { path: '/backup-codes/me', body: { saved: true } };
    case 'cancel':
      return { path: '/cancel/me', body: {} };
    case 'rename':
      return { path: '/rename/me', body: { authenticator_id: move.id, name: move.name } };
    case 'remove':
      return { path: '/remove/me', body: { authenticator_id: move.id } };
    case 'endTrust':
      return move.id === 'all'
        ? { path: '/revoke-trusted-browsers/me', body: {} }
        : { path: '/revoke-trusted-browser/me', body: { browser_id: move.id } };
  }
}

function readAnswer(response: supertest.Response): Outcome {
  if (response.status >= 500) return describeResponse(response, 'unavailable');
  if (response.status >= 400)
    return describeResponse(response, toKind(response.body.code as ProblemCode, response));
  const { secret, backup_codes } = response.body as { secret?: string; backup_codes?: unknown };
  return {
    ...describeResponse(response, 'accepted'),
    key: secret ?? '',
    backupCodes: Array.isArray(backup_codes) ? (backup_codes as string[]) : [],
  };
}

/** The token of an agent's session, as every answer of the API gives it; `''` without one. */
export async function readApiToken(agent: Agent): Promise<string> {
  return (await agent.get(`${API}/session`)).headers['second-factor-token'] ?? '';
}

/** The JSON API, as a program outside of a browser uses it: each call has the token. */
const api = makeFace({
  name: 'API',

  async prepare(agent, move) {
    const { path, body } = toCall(move);
    if (!body) return async () => readAnswer(await agent.get(API + path));
    const token = await readApiToken(agent);
    return async () =>
      readAnswer(
        await agent
          .post(API + path)
          .set('Second-Factor-Token', token)
          .send(body),
      );
  },

  findCodes: async (_agent, { backupCodes }) => backupCodes,

  async readLeft(agent) {
    const { left, total } = (await agent.get(`${API}/status/me`)).body.backup_codes as Record<string, number>;
    return `${left} of ${total}`;
  },

  async readAuthenticators(agent) {
    const { authenticators } = (await agent.get(`${API}/status/me`)).body as {
      authenticators: { id: string; name: string }[];
    };
    return authenticators.map(({ id, name }) => ({ id, name }));
  },

  async readBrowsers(agent) {
    const { browsers } = (await agent.get(`${API}/trusted-browsers/me`)).body as {
      browsers: { id: string; name: string | null; current: boolean }[];
    };
    return browsers.map(({ id, name, current }) => ({
      ...{ id, name: name ?? 'Unknown browser' },
      isThis: current,
    }));
  },
});

/** Two faces of one flow: what must never happen must happen on neither. */
export const faces: Record<'pages' | 'API', Face> = { pages, API: api };

/** For `describe.each`, with the name for the title. */
export const eachFace: readonly (readonly [string, Face])[] = Object.entries(faces);

/** A call of the API from a browser's own page. */
export function call(agent: Agent, path: string, body: unknown): supertest.Test {
  return agent
    .post(API + path)
    .set('Sec-Fetch-Site', 'same-origin')
    .send(body as object);
}

/** A factor that was set up by its owner. */
export interface OwnFactor {
  key: string;
  code(steps?: number): string;
  backupCodes: string[];
}

/** Sets a factor up with an agent whose login is complete and fresh; the codes are not yet "saved". */
export async function setUp(
  face: Face,
  host: Host,
  agent: Agent,
  { name, steps: first = 0 }: { name?: string; steps?: number } = {},
): Promise<OwnFactor> {
  const { key, kind } = await face.setup(agent);
  if (kind !== 'accepted') throw new Error(`The set-up was not opened: ${kind}`);
  const { code } = createVirtualAuthenticator({ clock: host.clock }).add(key);
  const enabled = await face.enable(agent, code(first), name);
  if (enabled.kind !== 'accepted') throw new Error(`The factor was not set up: ${enabled.kind}`);
  return { key, code, backupCodes: enabled.backupCodes };
}

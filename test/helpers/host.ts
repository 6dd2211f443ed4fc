import { createHash } from 'node:crypto';
import { RedisStore } from 'connect-redis';
import express, { type Express, type Request, type RequestHandler } from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { Passport } from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import {
  createSecondFactor,
  type SecondFactor,
  type SecondFactorOptions,
  sqlStorage,
  type Storage,
} from 'passport-second-factor';
import {
  createTestClock,
  createVirtualAuthenticator,
  enrolUser,
  readHiddenFields,
  type TestClock,
  type TestFactor,
} from 'passport-second-factor/testing';
import supertest from 'supertest';
import { onTestFinished } from 'vitest';
import { readAnswerCheck, reportAnswers } from './openapi.js';
import { redisPrefix, redisUrl } from './redis.js';

declare module 'express-session' {
  interface SessionData {
    /** As hosts declare these themselves. */
    passport: { user?: unknown };
    returnTo: string;
  }
}

export interface TestUser {
  id: string;
  password: string;
}

export type Agent = ReturnType<typeof supertest.agent>;

/** An ordinary application with a password login, on real Redis sessions and a real SQLite database. */
export interface Host {
  app: Express;
  clock: TestClock;
  secondFactor: SecondFactor;
  options: SecondFactorOptions;
  passport: InstanceType<typeof Passport>;
  database: Database.Database;
  redis: Redis;
  /** Prefix of this host's session keys. */
  prefix: string;
  users: Map<string, TestUser>;
  agent(): Agent;
  /** Gives a user a second factor, without a session. */
  enrol(userId: string): Promise<TestFactor>;
  /** A fresh agent whose password was right: complete without a second factor, pending with one. */
  signIn(userId: string): Promise<Agent>;
}

export interface HostParts {
  options?: Partial<SecondFactorOptions>;
  /** Puts something around the host's storage, e.g. `slowly`. */
  wrapStorage?(storage: Storage): Storage;
  /** Routes and middleware above session and passport. */
  first?(app: Express, host: Host, sessions: RequestHandler): void;
  /** Routes below passport.session() and the pages. */
  routes?(app: Express, host: Host): void;
  /** Whether the JSON API is mounted, every answer of it held to its OpenAPI document. Default true. */
  hasApi?: boolean;
  /** Whether `ready()` is awaited. Default true. */
  isReady?: boolean;
}

export const ORIGIN = 'http://localhost:3000';

export const API = '/api/v1/two-factor';

/** Makes a host; it is taken down when the test is finished. */
export async function createHost(parts: HostParts = {}): Promise<Host> {
  const clock = createTestClock();
  const database = new Database(':memory:');
  const prefix = redisPrefix();
  const redis = new Redis(redisUrl(), { lazyConnect: true });
  await redis.connect();
  const users = new Map(['ada', 'bob', 'eve'].map((id) => [id, { id, password: `${id}-password` }]));

  const options: SecondFactorOptions = {
    issuer: 'Test Service',
    origin: ORIGIN,
    storage: parts.wrapStorage?.(sqlStorage.sqlite(database)) ?? sqlStorage.sqlite(database),
    keys: [{ id: 'test', secret: Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)) }],
    user: {
      id: (user) => (user as TestUser).id,
      label: (user) => `${(user as TestUser).id}@service.example`,
      checkPassword: (user, password) => Promise.resolve(password === (user as TestUser).password),
    },
    paths: { home: '/account' },
    clock,
    ...parts.options,
  };
  const secondFactor = createSecondFactor(options);
  const passport = createPassport(users);
  const app = express();
  const host: Host = {
    app,
    clock,
    secondFactor,
    options,
    passport,
    database,
    redis,
    prefix,
    users,
    agent: () => supertest.agent(app),
    enrol: (userId) => enrolUser(options, userId),
    async signIn(userId) {
      const agent = supertest.agent(app);
      await agent
        .post('/login')
        .type('form')
        .send({ username: userId, password: `${userId}-password` });
      return agent;
    },
  };
  const faults: string[] = [];
  onTestFinished(async () => {
    void secondFactor.close();
    await redis.quit();
    database.close();
    if (faults.length > 0) throw new Error(`Answers that are not as described:\n${faults.join('\n')}`);
  });

  secondFactor.protect(passport);
  const sessions = session({
    store: new RedisStore({ client: redis, prefix }),
    secret: 'test',
    resave: false,
    saveUninitialized: false,
    name: 'sid',
  });
  parts.first?.(app, host, sessions);
  app.use(sessions, passport.session());
  app.use('/two-factor', secondFactor.pages());
  if (parts.hasApi !== false) {
    const answers = reportAnswers(await readAnswerCheck(), (fault) => faults.push(fault));
    app.use(API, answers, secondFactor.api());
  }
  addRoutes(app, host);
  parts.routes?.(app, host);
  if (parts.isReady !== false) await secondFactor.ready();
  return host;
}

/** A Passport instance with a password strategy, for a first or a second one in an application. */
export function createPassport(users: ReadonlyMap<string, TestUser>): InstanceType<typeof Passport> {
  const passport = new Passport();
  passport.serializeUser((user, done) => {
    done(null, (user as TestUser).id);
  });
  passport.deserializeUser((id: string, done) => {
    done(null, users.get(id) ?? false);
  });
  passport.use(
    new LocalStrategy((username, password, done) => {
      const user = users.get(username);
      done(null, user?.password === password ? user : false);
    }),
  );
  return passport;
}

function addRoutes(app: Express, { passport }: Host): void {
  app.use(express.json(), express.urlencoded({ extended: true }));
  app.post(
    '/login',
    passport.authenticate('local', { successReturnToOrRedirect: '/account' }) as RequestHandler,
  );
  app.post('/logout', (request, response, next) => {
    request.logout((error: unknown) => {
      if (error) next(error);
      else response.redirect('/login');
    });
  });
  app.get('/login', (_request, response) => {
    response.send('Please sign in');
  });
  app.get('/account', (request, response) => {
    if (request.isAuthenticated()) response.send(`Account of ${userIdOf(request)}`);
    else response.redirect('/login');
  });
  app.get('/whoami', (request, response) => {
    response.json({ user: request.user ?? null, isAuthenticated: request.isAuthenticated() });
  });
}

export function userIdOf(request: Request): string {
  return (request.user as TestUser | undefined)?.id ?? 'nobody';
}

/** Sends a form of ours as a browser would: opens the page for its token, then posts. */
export async function submit(
  agent: Agent,
  path: string,
  fields: Record<string, string>,
  page = path,
): Promise<supertest.Response> {
  const form = await agent.get(page);
  return agent
    .post(path)
    .type('form')
    .send({ ...readHiddenFields(form.text), ...fields });
}

/** The form token of one of our pages. */
export function readFormToken(html: string): string {
  return readHiddenFields(html)['second_factor_token'] ?? '';
}

/** Answers the pending login of an agent, or gives a fresh proof. */
export function answer(agent: Agent, code: string): Promise<supertest.Response> {
  return submit(agent, '/two-factor/challenge', { code });
}

/** A fresh agent that has passed both steps. */
export async function signInWhole(host: Host, userId: string, code: string): Promise<Agent> {
  const agent = await host.signIn(userId);
  await answer(agent, code);
  return agent;
}

/** Who the application takes an agent for: a user id, or `nobody`. */
export async function whoIs(agent: Agent): Promise<string> {
  const { body } = (await agent.get('/whoami')) as {
    body: { user: TestUser | null; isAuthenticated: boolean };
  };
  if (body.isAuthenticated !== (body.user !== null))
    throw new Error('req.user and isAuthenticated() disagree');
  return body.user?.id ?? 'nobody';
}

/** The host's sessions as they stand in Redis. */
export async function readSessions(host: Host): Promise<string[]> {
  const keys = await host.redis.keys(`${host.prefix}*`);
  const values = await Promise.all(keys.map((key) => host.redis.get(key)));
  return values.filter((value) => value !== null);
}

/** Makes every verb wait a little before it runs, so that parallel requests meet between any two of them. */
export function slowly(storage: Storage): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const verb = Reflect.get(target, name, target) as (...parameters: unknown[]) => Promise<unknown>;
      return async (...parameters: unknown[]) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return Reflect.apply(verb, target, parameters);
      };
    },
  });
}

/** One form of `submitAtOnce`; `page` is where its token comes from, by default `path`. */
export interface Submission {
  agent: Agent;
  path: string;
  fields: Record<string, string>;
  page?: string;
}

/** Opens the page of each form first and then sends all forms in the same instant. */
export async function submitAtOnce(submissions: readonly Submission[]): Promise<supertest.Response[]> {
  const tokens = new Map<Agent, string>();
  for (const { agent, path, page = path } of submissions) {
    if (!tokens.has(agent)) tokens.set(agent, readFormToken((await agent.get(page)).text));
  }
  return Promise.all(
    submissions.map(({ agent, path, fields }) =>
      agent
        .post(path)
        .type('form')
        .send({ second_factor_token: tokens.get(agent), ...fields }),
    ),
  );
}

/** Gives a fresh proof in a complete session, on the way to `returnTo`. */
export function stepUp(agent: Agent, code: string, returnTo = '/account'): Promise<supertest.Response> {
  const page = `/two-factor/challenge?return_to=${encodeURIComponent(returnTo)}`;
  return submit(agent, '/two-factor/challenge', { code, return_to: returnTo }, page);
}

/** A factor that was set up on the pages, as its owner holds it. */
export interface PageFactor {
  /** Base32, as the setup page shows it. */
  key: string;
  code(steps?: number): string;
  backupCodes: string[];
}

/** Goes through the setup pages with an agent whose login is complete and fresh; the codes are not yet "saved". */
export async function setUpFactor(host: Host, agent: Agent): Promise<PageFactor> {
  const page = await agent.get('/two-factor/setup');
  const key = readSetupKey(page.text);
  const { code } = createVirtualAuthenticator({ clock: host.clock }).add(key);
  await submit(agent, '/two-factor/setup', { code: code() });
  return { key, code, backupCodes: readBackupCodes((await agent.get('/two-factor/backup-codes')).text) };
}

/** The key on the setup page, without its spaces. */
export function readSetupKey(html: string): string {
  const key = /id="setup-key">([^<]+)</.exec(html)?.[1];
  if (key === undefined) throw new Error('This page shows no key.');
  return key.replaceAll(' ', '');
}

/** The backup codes that a page shows; none where it shows none. */
export function readBackupCodes(html: string): string[] {
  return [...html.matchAll(/<code class="backup-code">([^<]+)<\/code>/g)].map((match) => match[1]!);
}

/** Codes of six digits that are of no step from two before to two after the present one. */
export function wrongCodes(factor: Pick<TestFactor, 'code'>, count: number): string[] {
  const right = new Set([-2, -1, 0, 1, 2].map((steps) => factor.code(steps)));
  const codes = Array.from({ length: count + right.size }, (_, index) => String(index).padStart(6, '0'));
  return codes.filter((code) => !right.has(code)).slice(0, count);
}

/** The counters of a user as they stand in the database. */
export function readCounters(host: Host, userId: string): Record<'totp' | 'backupCode' | 'until', number> {
  const row = host.database.prepare('SELECT * FROM two_factor_auth WHERE user_id = ?').get([userId]) as {
    totp_failures: number;
    totp_delayed_until: number;
    backup_code_failures: number;
  };
  return { totp: row.totp_failures, backupCode: row.backup_code_failures, until: row.totp_delayed_until };
}

/** All rows of all tables. */
export function readTables(host: Host): Record<string, unknown[]> {
  const tables = host.database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as {
    name: string;
  }[];
  return Object.fromEntries(
    tables.map(({ name }) => [name, host.database.prepare(`SELECT * FROM ${name} ORDER BY 1`).all()]),
  );
}

/** Gives the password, whatever the agent's session is. */
export function sendPassword(agent: Agent, userId: string, path = '/login'): supertest.Test {
  return agent
    .post(path)
    .type('form')
    .send({ username: userId, password: `${userId}-password` });
}

const anyPath = { domain: '127.0.0.1', path: '/', secure: false, script: false };

/** Another agent with the same cookies: a thief's copy, or a second request at the same time. */
export function copyAgent(host: Host, agent: Agent): Agent {
  const copy = host.agent();
  const cookies = agent.jar.getCookies(anyPath).map((cookie) => cookie.toString());
  copy.jar.setCookies(cookies, anyPath.domain, anyPath.path);
  return copy;
}

/** The session id in an agent's cookie; `''` without one. */
export function sessionId(agent: Agent): string {
  const cookie = decodeURIComponent(agent.jar.getCookie('sid', anyPath)?.value ?? '');
  return /^s:([^.]+)\./.exec(cookie)?.[1] ?? '';
}

export type StoredSession = Record<string, unknown>;

/** An agent's session as it stands in Redis. */
export async function readSession(host: Host, agent: Agent): Promise<StoredSession | undefined> {
  const value = await host.redis.get(host.prefix + sessionId(agent));
  return value === null ? undefined : (JSON.parse(value) as StoredSession);
}

/** Puts a session into Redis by hand, under the id in the agent's cookie. */
export async function writeSession(host: Host, agent: Agent, session: StoredSession): Promise<void> {
  if (sessionId(agent) === '') throw new Error('This agent has no session cookie.');
  await host.redis.set(host.prefix + sessionId(agent), JSON.stringify(session));
}

/** Makes a stamp the stamp of an agent's session, as only the package can: it bears the hash of the session id. */
export function bindStamp<S extends object>(agent: Agent, stamp: S): S & { session: string } {
  const hash = createHash('sha256')
    .update(`stamp:${sessionId(agent)}`)
    .digest('base64url');
  return { ...stamp, session: hash };
}

/** Gives an agent of another host, on the same Redis, the session of an agent of this one, id included. */
export async function moveSession(from: Host, agent: Agent, to: Host): Promise<Agent> {
  const moved = copyAgent(to, agent);
  await writeSession(to, moved, (await readSession(from, agent))!);
  return moved;
}

/** Makes the verbs that stand in `faults` fail, for as long as they stand there. */
export function failing(storage: Storage, faults: ReadonlySet<keyof Storage>): Storage {
  return new Proxy(storage, {
    get(target, name: keyof Storage) {
      return faults.has(name) ? () => Promise.reject(new Error('The storage is away.')) : target[name];
    },
  });
}

/** A user as Passport's functions take one. */
export function userOf(host: Host, userId: string): Express.User {
  return host.users.get(userId) as unknown as Express.User;
}

/** The same browser without its session: everything else that it keeps stays. */
export function withoutSession(host: Host, agent: Agent): Agent {
  const copy = host.agent();
  const cookies = agent.jar.getCookies(anyPath).filter(({ name }) => name !== 'sid');
  copy.jar.setCookies(
    cookies.map((cookie) => cookie.toString()),
    anyPath.domain,
    anyPath.path,
  );
  return copy;
}

/** Who has got hold of a session cookie, and of nothing else that the browser keeps. */
export function stolenSession(host: Host, agent: Agent): Agent {
  const thief = host.agent();
  const session = agent.jar.getCookie('sid', anyPath)?.toString() ?? '';
  thief.jar.setCookies([session], anyPath.domain, anyPath.path);
  return thief;
}

/** What an agent keeps under a name; `''` without it. */
export function readCookie(agent: Agent, name: string): string {
  return agent.jar.getCookie(name, anyPath)?.value ?? '';
}

/** Puts a cookie into a browser by hand. */
export function writeCookie(agent: Agent, name: string, value: string): void {
  agent.jar.setCookies([`${name}=${value}; path=/`], anyPath.domain, anyPath.path);
}

import { RedisStore } from 'connect-redis';
import express, { type Express, type Request, type RequestHandler } from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { Passport } from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { createSecondFactor, type SecondFactor, type SecondFactorOptions, sqlStorage } from 'passport-second-factor';
import { createTestClock, enrolUser, readFormToken, type TestClock, type TestFactor } from 'passport-second-factor/testing';
import supertest from 'supertest';
import { onTestFinished } from 'vitest';
import { redisPrefix, redisUrl } from './redis.js';

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
  /** Routes and middleware above session and passport. */
  first?(app: Express, host: Host, sessions: RequestHandler): void;
  /** Routes below passport.session() and the pages. */
  routes?(app: Express, host: Host): void;
  /** Whether `ready()` is awaited. Default true. */
  isReady?: boolean;
}

export const ORIGIN = 'http://localhost:3000';

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
    storage: sqlStorage.sqlite(database),
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
      await agent.post('/login').type('form').send({ username: userId, password: `${userId}-password` });
      return agent;
    },
  };
  onTestFinished(async () => {
    secondFactor.close();
    await redis.quit();
    database.close();
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
  app.post('/login', passport.authenticate('local', { successReturnToOrRedirect: '/account' }) as RequestHandler);
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
    .send({ _csrf: readFormToken(form.text), ...fields });
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
  const { body } = (await agent.get('/whoami')) as { body: { user: TestUser | null; isAuthenticated: boolean } };
  if (body.isAuthenticated !== (body.user !== null)) throw new Error('req.user and isAuthenticated() disagree');
  return body.user?.id ?? 'nobody';
}

/** The host's sessions as they stand in Redis. */
export async function readSessions(host: Host): Promise<string[]> {
  const keys = await host.redis.keys(`${host.prefix}*`);
  const values = await Promise.all(keys.map((key) => host.redis.get(key)));
  return values.filter((value) => value !== null);
}

// One contender: an application whose logins have no second step, one by hand, or ours. argv: its description as JSON.
import type { AddressInfo } from 'node:net';
import { RedisStore } from 'connect-redis';
import express, { type RequestHandler } from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { createSecondFactor, type SecondFactorOptions } from 'passport-second-factor';
import { enrolUser } from 'passport-second-factor/testing';
import { openCounted } from '../counted-storage.js';
import { addByHand } from './by-hand.js';

export interface Application {
  redis: string;
  kind: 'password only' | 'by hand' | 'ours';
  /** `file:` or `postgres:`. */
  database: string;
}

/** What an application is told: to enrol so many people more; or nothing, to say how it stands. */
export type Question = { enrol: number } | 'state';

export interface State {
  url: string;
  /** Microseconds of CPU since it began. */
  cpu: number;
  /** SQL statements since it began. */
  statements: number;
  /** Bytes of resident memory. */
  memory: number;
}

/** Somebody with a second factor, and the raw secret of it in base64. */
export interface Enrolled {
  name: string;
  secret: string;
}

interface User {
  id: string;
}

/** Gives somebody a second factor. @returns the raw secret. */
export type Enrol = (name: string) => Promise<Uint8Array>;

const { redis, kind, database } = JSON.parse(process.argv[2] ?? '') as Application;
const client = new Redis(redis);
const passport = new Passport();
passport.serializeUser((user, done) => done(null, (user as User).id));
passport.deserializeUser((id: string, done) => done(null, { id }));
// The cheapest password check there is: what is compared is the second step.
passport.use(new Strategy((id, _password, done) => done(null, { id })));
let statements = 0;
const count = (): void => void (statements += 1);

const app = express();
const sessions: RequestHandler[] = [
  session({
    store: new RedisStore({ client }),
    secret: 'bench',
    name: 'sid',
    resave: false,
    saveUninitialized: false,
  }),
  // Below `protect`, where there is one.
  (request, response, next) => void (passport.session() as RequestHandler)(request, response, next),
  express.urlencoded({ extended: false }),
];
const password = passport.authenticate('local') as RequestHandler;
const contenders = {
  'password only': addNothing,
  'by hand': (): Promise<Enrol> => addByHand(app, sessions, password, database, count),
  ours: addOurs,
};
const enrol = await contenders[kind]();

async function addNothing(): Promise<Enrol> {
  app.use(...sessions);
  app.post('/login', password, (_request, response) => response.redirect('/account'));
  return () => Promise.resolve(new Uint8Array(20));
}

async function addOurs(): Promise<Enrol> {
  const options: SecondFactorOptions = {
    issuer: 'Bench',
    origin: 'http://localhost',
    storage: openCounted(database, count),
    keys: [{ id: 'bench', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7)) }],
    user: { id: (user) => (user as User).id, label: (user) => (user as User).id },
    paths: { home: '/account' },
  };
  const secondFactor = createSecondFactor(options);
  await secondFactor.ready();
  secondFactor.protect(passport);
  app.use(...sessions);
  app.post('/login', password, (_request, response) => response.redirect('/account'));
  app.use('/two-factor', secondFactor.pages());
  return async (name) => (await enrolUser(options, name)).secret;
}

let people = 0;
const server = app.listen(0, '127.0.0.1');
process.on('message', (question: Question) => void answer(question).then((told) => process.send?.(told)));
process.once('disconnect', () => process.exit());

async function answer(question: Question): Promise<State | Enrolled[]> {
  if (question === 'state') {
    const { user, system } = process.cpuUsage();
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      cpu: user + system,
      statements,
      memory: process.memoryUsage.rss(),
    };
  }
  const enrolled: Enrolled[] = [];
  for (let left = question.enrol; left > 0; left -= 1) {
    const name = `person-${String((people += 1))}`;
    enrolled.push({ name, secret: Buffer.from(await enrol(name)).toString('base64') });
  }
  return enrolled;
}

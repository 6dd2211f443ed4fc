// One contender: the same application, without the second factor or with it. argv: its description as JSON.
import type { AddressInfo } from 'node:net';
import { RedisStore } from 'connect-redis';
import express, { type RequestHandler } from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { createSecondFactor } from 'passport-second-factor';
import { openCounted } from '../counted-storage.js';

export interface Application {
  redis: string;
  /** `undefined`: the base, without the second factor. `file:` or `postgres:`. */
  database?: string | undefined;
  isCached?: boolean | undefined;
}

/** What an application answers with, to any message. */
export interface State {
  url: string;
  /** Microseconds of CPU since it began. */
  cpu: number;
  /** SQL statements since it began. */
  statements: number;
}

interface User {
  id: string;
}

const { redis, database, isCached } = JSON.parse(process.argv[2] ?? '') as Application;
const client = new Redis(redis);
const passport = new Passport();
const users = new Map([['ada', { id: 'ada' }]]);
passport.serializeUser((user, done) => done(null, (user as User).id));
passport.deserializeUser((id: string, done) => done(null, users.get(id) ?? false));
passport.use(new Strategy((username, _password, done) => done(null, users.get(username) ?? false)));

let statements = 0;
if (database !== undefined) {
  const secondFactor = createSecondFactor({
    issuer: 'Bench',
    origin: 'http://localhost',
    storage: openCounted(database, () => (statements += 1)),
    keys: [{ id: 'bench', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7)) }],
    user: { id: (user) => (user as User).id, label: () => 'ada' },
    ...(isCached && { epochs: { redis: client } }),
  });
  await secondFactor.ready();
  secondFactor.protect(passport);
}

const app = express();
app.use(
  session({
    store: new RedisStore({ client }),
    secret: 'bench',
    name: 'sid',
    resave: false,
    saveUninitialized: false,
  }),
);
app.use(passport.session());
app.use(express.urlencoded({ extended: false }));
app.post('/login', passport.authenticate('local', { successRedirect: '/account' }) as RequestHandler);
app.get('/account', (request, response) => {
  if (request.isAuthenticated()) response.send(`Account of ${(request.user as User).id}`);
  else response.redirect('/login');
});
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const state: State = { url: `http://127.0.0.1:${port}`, cpu: user + system, statements };
    process.send?.(state);
  });
});
process.once('disconnect', () => process.exit());

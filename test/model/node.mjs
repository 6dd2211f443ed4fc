// One node of a small application, as a process of its own. What time it is, each request says: every user of the model-based
// test lives by a clock of its own. argv: Redis URL, key prefix, SQLite file, attempts.cap.
import { AsyncLocalStorage } from 'node:async_hooks';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { createSecondFactor, sqlStorage } from '../../dist/index.js';

const [, , redisUrl, prefix, file, cap] = process.argv;
const redis = new Redis(redisUrl);
const moment = new AsyncLocalStorage();
const start = Date.UTC(2026, 0, 1);

const readPassword = async (id) => (await redis.get(`${prefix}password:${id}`)) ?? 'first';

const db = new Database(file);
db.pragma('journal_mode = WAL');
// Nothing is pulled from under this database, and a write to disk for each transaction would take most of the time.
db.pragma('synchronous = OFF');
const secondFactor = createSecondFactor({
  issuer: 'Model',
  origin: 'http://model.example',
  storage: sqlStorage.sqlite(db),
  keys: [{ id: 'test', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7)) }],
  user: {
    id: (user) => user.id,
    label: (user) => user.id,
    checkPassword: async (user, password) => password === (await readPassword(user.id)),
  },
  paths: { home: '/where', api: '/api' },
  attempts: { cap: Number(cap) },
  clock: () => moment.getStore() ?? start,
});
await secondFactor.ready();

const passport = new Passport();
passport.use(
  new Strategy((id, password, done) => {
    readPassword(id).then((right) => done(null, password === right ? { id } : false), done);
  }),
);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, { id }));
secondFactor.protect(passport);

const app = express();
// Above the clock: what is read from a socket goes on without it.
app.use(express.json(), express.urlencoded({ extended: false }));
app.use((request, _response, next) => moment.run(Number(request.get('now')), next));
app.use(
  session({
    store: new RedisStore({ client: redis, prefix }),
    secret: 'the same on all nodes',
    name: 'sid',
    resave: false,
    saveUninitialized: false,
  }),
  passport.session(),
);
app.use('/two-factor', secondFactor.pages());
app.use('/api', secondFactor.api());
app.post('/login', passport.authenticate('local'), (_request, response) => response.json({}));
app.post('/logout', (request, response, next) => {
  request.logout((error) => (error ? next(error) : response.json({})));
});
app.post('/password', async (request, response) => {
  if (!request.isAuthenticated()) return response.status(401).json({ code: 'login-required' });
  const { id } = request.user;
  await redis.set(`${prefix}password:${id}`, request.body.password);
  await secondFactor.passwordChanged(id, request);
  return response.json({});
});
app.post('/support-code', async (request, response) => {
  const { username, lifetime } = request.body;
  const given = await secondFactor.service.issueSupportCode(username, { lifetime, reason: 'lost' });
  response.status(given.kind === 'issued' ? 200 : 409).json({ code: given.kind, ...given });
});
app.get('/where', (request, response) => {
  const facts = request.session.secondFactor;
  response.json({
    user: request.isAuthenticated() ? request.user.id : null,
    isPending: facts?.pending !== undefined,
    handle: facts?.stamp?.handle ?? facts?.pending?.handle ?? null,
  });
});
const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port));
server.keepAliveTimeout = 60_000;
process.once('disconnect', () => process.exit());

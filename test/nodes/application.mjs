// One node of a small application whose epochs are cached, as a process of its own. argv: Redis URL of the sessions, Redis URL
// of the epochs, key prefix, SQLite file, library of the Redis client (ioredis or redis).
import { once } from 'node:events';
import express from 'express';
import Database from 'libsql';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { createSecondFactor, sqlStorage } from '../../dist/index.js';
import { sessionMiddleware } from '../../examples/identity-server/dist/session-middleware.js';
import { connectRedis } from './redis-clients.mjs';

const [, , sessionsUrl, epochsUrl, prefix, file, library] = process.argv;
const secretOf = (number) => Buffer.from(Array.from({ length: 32 }, (_, n) => n + number));

// Messages say by how much the clock is ahead; at which call of storage from now on this process dies: before it, or after it; and
// whether its disk is full.
let [ahead, deadly, calls] = [0, undefined, 0];
process.on('message', (message) => {
  if (message.ahead !== undefined) ahead = message.ahead;
  if (message.deadly) [deadly, calls] = [message.deadly, 0];
  if (message.isDiskFull !== undefined) fillDisk(message.isDiskFull);
});

/** SQLite takes no page beyond those that it has. */
function fillDisk(isFull) {
  const pages = isFull ? db.pragma('page_count')[0].page_count : 2 ** 30;
  db.pragma(`max_page_count = ${pages}`);
}

function mortal(storage) {
  const die = () => process.kill(process.pid, 'SIGKILL');
  return new Proxy(storage, {
    get(target, verb) {
      const call = Reflect.get(target, verb);
      if (typeof call !== 'function') return call;
      return async (...given) => {
        calls += 1;
        const isLast = deadly?.call === calls;
        if (isLast && deadly.when === 'before') die();
        const answer = await call.apply(target, given);
        if (isLast) die();
        return answer;
      };
    },
  });
}

const db = new Database(file);
db.pragma('journal_mode = WAL');
const sessions = await connectRedis(sessionsUrl, library);
const epochs = epochsUrl === sessionsUrl ? sessions : await connectRedis(epochsUrl, library);
const secondFactor = createSecondFactor({
  issuer: 'Nodes',
  origin: 'http://localhost',
  storage: mortal(sqlStorage.sqlite(db)),
  // As in the middle of a rotation.
  keys: [
    { id: 'new', secret: secretOf(1) },
    { id: 'test', secret: secretOf(0) },
  ],
  user: { id: (user) => user.id, label: (user) => user.id },
  paths: { home: '/whoami' },
  epochs: { redis: epochs.client, prefix: `${prefix}epoch:` },
  clock: () => Date.now() + ahead,
});
await secondFactor.ready();

const passport = new Passport();
passport.use(
  new Strategy((id, password, done) => done(null, password === `${id}-password` ? { id } : false)),
);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, { id }));
secondFactor.protect(passport);

const app = express();
app.use(sessionMiddleware(sessions.createStore(prefix), 'the same on all nodes', false));
app.use(passport.session());
app.use(express.urlencoded({ extended: false }));
app.post('/login', passport.authenticate('local', { successRedirect: '/whoami' }));
app.post('/logout', (request, response, next) => {
  request.logout((error) => (error ? next(error) : response.redirect('/login')));
});
app.get('/whoami', (request, response) => {
  response.send(request.isAuthenticated() ? request.user.id : 'nobody');
});
app.post('/password', async (request, response) => {
  await secondFactor.passwordChanged(request.user.id, request);
  response.send('changed');
});
app.post('/reseal', async (_request, response) => {
  await secondFactor.keys.reseal();
  response.send('done');
});
app.use('/two-factor', secondFactor.pages());
app.post('/sign-out-everywhere', async (request, response) => {
  await secondFactor.revoke(request.user.id);
  response.send('done');
});
// Waits for a message, and then changes its session, which is saved at the end of the response.
app.get('/slow', async (request, response) => {
  process.send('waiting');
  await once(process, 'message');
  request.session.returnTo = '/later';
  response.send('saved');
});
const server = app.listen(0, () => process.send(`http://localhost:${server.address().port}`));
process.once('disconnect', () => process.exit());

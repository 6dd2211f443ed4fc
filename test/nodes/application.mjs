// One node of a small application whose epochs are cached, as a process of its own. argv: Redis URL of the sessions, Redis URL
// of the epochs, key prefix, SQLite file.
import { once } from 'node:events';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { createSecondFactor, sqlStorage } from '../../dist/index.js';

const [, , sessionsUrl, epochsUrl, prefix, file] = process.argv;
const db = new Database(file);
db.pragma('journal_mode = WAL');
const epochs = new Redis(epochsUrl);
epochs.on('error', () => undefined);
const secondFactor = createSecondFactor({
  issuer: 'Nodes',
  origin: 'http://localhost',
  storage: sqlStorage.sqlite(db),
  keys: [{ id: 'test', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n)) }],
  user: { id: (user) => user.id, label: (user) => user.id },
  epochs: { redis: epochs, prefix: `${prefix}epoch:` },
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
app.use(
  session({
    store: new RedisStore({ client: new Redis(sessionsUrl), prefix }),
    secret: 'the same on all nodes',
    name: 'sid',
    resave: false,
    saveUninitialized: false,
  }),
);
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

// One node of a small application, before the roll-out of the second factor (`old`) or after it (`new`), as a process of its
// own: both are in service while a deploy rolls over the nodes. argv: kind, Redis URL, key prefix, SQLite file.
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';

const [, , kind, redisUrl, prefix, file] = process.argv;
const passport = new Passport();
passport.use(
  new Strategy((id, password, done) => done(null, password === `${id}-password` ? { id } : false)),
);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, { id }));

const app = express();
app.use(
  session({
    store: new RedisStore({ client: new Redis(redisUrl), prefix }),
    secret: 'the same on all nodes',
    name: 'sid',
    resave: false,
    saveUninitialized: false,
  }),
);
if (kind === 'new') {
  const { createSecondFactor, sqlStorage } = await import('../../dist/index.js');
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  const secondFactor = createSecondFactor({
    issuer: 'Rolling',
    origin: 'http://localhost',
    storage: sqlStorage.sqlite(db),
    keys: [{ id: 'test', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n)) }],
    user: { id: (user) => user.id, label: (user) => user.id },
    login: { adoptUnstamped: { until: new Date(Date.now() + 3_600_000) } },
    paths: { home: '/whoami' },
  });
  await secondFactor.ready();
  secondFactor.protect(passport);
  app.use(passport.session());
  app.use('/two-factor', secondFactor.pages());
} else {
  app.use(passport.session());
}
app.use(express.urlencoded({ extended: false }));
app.post('/login', passport.authenticate('local', { successRedirect: '/whoami' }));
app.post('/logout', (request, response, next) => {
  request.logout((error) => (error ? next(error) : response.redirect('/login')));
});
app.get('/whoami', (request, response) => {
  response.send(request.isAuthenticated() ? request.user.id : 'nobody');
});
const server = app.listen(0, () => process.send(`http://localhost:${server.address().port}`));
process.once('disconnect', () => process.exit());

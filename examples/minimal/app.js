// The quick start of the README as a whole application: a login page and an account page.
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import Database from 'libsql';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { createSecondFactor, sqlStorage } from 'passport-second-factor';

const port = process.env.PORT ?? 3000;
const sessionSecret = process.env.SESSION_SECRET ?? randomBytes(32).toString('hex');
const store = new session.MemoryStore(); // for trying it: it forgets, and serves one process only
const db = new Database('second-factor.db');
db.pragma('journal_mode = WAL');

const derive = (password) => scryptSync(password, 'a salt for each user', 32);
const users = [{ id: '1', email: 'ada@service.example', hash: derive('ada has a long password') }];
const checkPassword = (user, password) => timingSafeEqual(user.hash, derive(password));

passport.use(
  new LocalStrategy({ usernameField: 'email' }, (email, password, done) => {
    const user = users.find((one) => one.email === email);
    done(null, user && checkPassword(user, password) ? user : false);
  }),
);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, users.find((user) => user.id === id) ?? false));

const secondFactor = createSecondFactor({
  issuer: 'Example',
  origin: 'http://localhost:3000', // where browsers see you
  storage: sqlStorage.sqlite(db), // a connection of its own
  keys: [{ id: '2026-11', secret: process.env.TWO_FACTOR_KEY ?? '' }],
  user: { id: (user) => user.id, label: (user) => user.email, checkPassword },
  paths: { home: '/account' },
});
await secondFactor.ready(); // migrations

const app = express();
const cookie = { sameSite: 'lax', secure: 'auto' };
app.use(session({ secret: sessionSecret, store, cookie, resave: false, saveUninitialized: false }));
secondFactor.protect(passport); // once for each Passport instance
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());

app.get('/login', (req, res) => {
  res.send(`<!doctype html><title>Sign in</title><h1>Sign in</h1>
    <form method="post" action="/login">
      <p><label>E-mail <input name="email" type="email"></label>
      <p><label>Password <input name="password" type="password"></label>
      <p><button>Sign in</button>
    </form>`);
});

app.post(
  '/login',
  express.urlencoded({ extended: false }),
  passport.authenticate('local', { successRedirect: '/account', failureRedirect: '/login' }),
);

app.get('/account', (req, res) => {
  if (!req.isAuthenticated()) return res.redirect('/login');
  res.send(`<!doctype html><title>Account</title><h1>${req.user.email}</h1>
    <p><a href="/two-factor">Two-step sign-in</a>
    <form method="post" action="/logout"><button>Sign out</button></form>`);
});

app.post('/logout', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/login')));
});

app.listen(port, () => console.log(`http://localhost:${port}`));

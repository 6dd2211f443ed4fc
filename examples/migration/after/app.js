// The application of docs/migrating-an-otplib-app.md.
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { createSecondFactor } from 'passport-second-factor';
import { addUser, checkPassword, findUser, findUserByName } from '../users.js';
import options from './second-factor.config.js';

const secondFactor = createSecondFactor(options);
await secondFactor.ready();

passport.use(
  new LocalStrategy((username, password, done) => {
    const user = findUserByName(username);
    done(null, user && checkPassword(user, password) ? user : false);
  }),
);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, findUser(id) ?? false));

const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(
  session({
    store: process.env.REDIS_URL && new RedisStore({ client: new Redis(process.env.REDIS_URL) }),
    secret: process.env.SESSION_SECRET ?? 'keyboard cat',
    cookie: { sameSite: 'lax' },
    resave: false,
    saveUninitialized: false,
  }),
);
secondFactor.protect(passport);
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());

const requireLogin = (req, res, next) => (req.isAuthenticated() ? next() : res.redirect('/login'));

const page = (title, body) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;
const form = (action, fields, button) => {
  const type = (name) => (name === 'password' ? 'password' : 'text');
  const inputs = fields.map((name) => `<label>${name} <input name="${name}" type="${type(name)}"></label>`);
  return `<form method="post" action="${action}">${inputs.join(' ')}<button>${button}</button></form>`;
};

app.get('/', (req, res) => res.redirect('/account'));

app.get('/login', (req, res) => {
  const fields = ['username', 'password'];
  res.send(page('Sign in', form('/login', fields, 'Sign in') + form('/register', fields, 'Register')));
});

app.post('/register', (req, res, next) => {
  const user = addUser(req.body.username, req.body.password);
  if (!user) return res.status(400).send(page('Register', 'Please choose another name.'));
  req.logIn(user, (error) => (error ? next(error) : res.redirect('/account')));
});

app.post('/login', passport.authenticate('local', { failureRedirect: '/login' }), (req, res) => {
  res.redirect('/account');
});

app.post('/logout', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/login')));
});

// The application.

app.get('/account', requireLogin, (req, res) => {
  const twoFactor = '<a href="/two-factor">Two-step sign-in</a>';
  res.send(page(req.user.username, twoFactor + form('/logout', [], 'Sign out')));
});

// Added later.
app.get('/invoices', requireLogin, (req, res) => {
  res.send(page('Invoices', `<p>${req.user.username}: 3 invoices</p>`));
});

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`http://localhost:${server.address().port}`);
});

// Broken on purpose: everybody must have a second factor, and a middleware reminds of it where it stands. The conformance
// suite must see it.
import express from 'express';
import session from 'express-session';
import { generateSecret, generateURI } from 'otplib';
import { findStep, form, listen, requireUser } from './broken-parts.mjs';

const users = new Map();
const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: true }));
app.use((req, res, next) => {
  res.set({ 'Cache-Control': 'no-store', 'X-Frame-Options': 'DENY' });
  req.user = users.get(req.session.username);
  next();
});

function logIn(req, username, done) {
  req.session.regenerate(() => {
    req.session.username = username;
    done();
  });
}

/** Once the factor is there, there is nothing to remind of. */
function requireSetup(req, res, next) {
  if (req.user.enabled) next();
  else res.redirect('/setup');
}

app.get('/register', (req, res) => res.send(form('/register', ['username', 'password'], 'Register')));
app.post('/register', (req, res) => {
  const { username, password } = req.body;
  users.set(username, { username, password, enabled: false, lastStep: 0 });
  logIn(req, username, () => res.redirect('/account'));
});

app.get('/login', (req, res) => res.send(form('/login', ['username', 'password'], 'Sign in')));
app.post('/login', (req, res) => {
  const user = users.get(req.body.username);
  if (user?.password !== req.body.password) return res.status(401).send('Wrong user name or password');
  if (!user.enabled) return logIn(req, user.username, () => res.redirect('/account'));
  req.session.regenerate(() => {
    req.session.pending = user.username;
    res.redirect('/challenge');
  });
});

app.get('/challenge', (req, res) => {
  if (req.session.pending) res.send(form('/challenge', ['code'], 'Continue'));
  else res.redirect('/login');
});
app.post('/challenge', (req, res) => {
  const user = users.get(req.session.pending);
  const step = user && findStep(user.secret, String(req.body.code));
  if (step === undefined || step <= user.lastStep) return res.status(422).send('Wrong code');
  user.lastStep = step;
  logIn(req, user.username, () => res.redirect('/account'));
});

app.get('/setup', requireUser, (req, res) => {
  req.session.secret ??= generateSecret();
  const uri = generateURI({ issuer: 'Broken', label: req.user.username, secret: req.session.secret });
  res.send(
    `<a href="${uri.replaceAll('&', '&amp;')}">Open your app</a>${form('/setup', ['code'], 'Turn on')}`,
  );
});
app.post('/setup', requireUser, (req, res) => {
  const step = req.session.secret && findStep(req.session.secret, String(req.body.code));
  if (req.user.enabled || step === undefined) return res.status(422).send('Wrong code');
  Object.assign(req.user, { secret: req.session.secret, lastStep: step, enabled: true });
  res.redirect('/account');
});

app.get('/account', requireUser, requireSetup, (req, res) => res.send(`<p>${req.user.username}</p>`));
// Made later, in another file, by somebody else.
app.get('/profile', requireUser, (req, res) => res.send(`<h1>${req.user.username}</h1>`));

listen(app);

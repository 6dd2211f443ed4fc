// Broken on purpose: the login is held as it should be, and everything that was built around it for comfort (trusted browsers,
// a fresh proof, the JSON API for the mobile app, "sign out everywhere else") has its own idea of a code. The conformance
// suite must see it.
import { randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import { generateSecret, generateURI } from 'otplib';
import { findStep, form, listen, requireUser } from './broken-parts.mjs';

const users = new Map();
const app = express();
app.use(
  session({
    secret: 'keyboard cat',
    resave: false,
    saveUninitialized: true,
    cookie: { httpOnly: true, sameSite: 'lax' },
  }),
);
app.use((req, res, next) => {
  res.set({ 'Cache-Control': 'no-store', 'X-Frame-Options': 'DENY' });
  req.session.token ??= randomBytes(16).toString('hex');
  const user = users.get(req.session.username);
  if (user && req.session.epoch === user.epoch) req.user = user;
  next();
});

// For the mobile app, whose requests have neither forms nor an Origin.
app.post('/api/challenge', express.text({ type: '*/*' }), (req, res) => {
  const user = users.get(req.session.pending?.username);
  const { code } = JSON.parse(req.body);
  if (user && findStep(user.secret, String(code)) !== undefined)
    return logIn(req, user, () => res.sendStatus(204));
  res.status(422).json({});
});
app.post('/api/disable', express.text({ type: '*/*' }), (req, res) => {
  const user = users.get(req.session.username ?? req.session.pending?.username);
  if (!user || findStep(user.secret, JSON.parse(req.body).code) === undefined)
    return res.status(422).json({});
  turnOff(user);
  res.sendStatus(204);
});

app.use(express.urlencoded({ extended: false }), (req, res, next) => {
  const { 'sec-fetch-site': site, origin } = req.headers;
  const isForeign = site === 'cross-site' || (origin && origin !== `http://${req.get('Host')}`);
  if (req.method === 'POST' && (isForeign || req.body?.token !== req.session.token))
    return res.status(403).send('Form too old');
  next();
});

const page = (req, path, fields, label) => form(path, fields, label, req.session.token);

/** A new session, with its form token from the start: pages that are opened side by side must have the same. */
function renew(req, fields, done) {
  req.session.regenerate(() => {
    Object.assign(req.session, fields, { token: randomBytes(16).toString('hex') });
    done();
  });
}

function logIn(req, { username, epoch }, done) {
  renew(req, { username, epoch }, done);
}

function turnOff(user) {
  Object.assign(user, { enabled: false, secret: undefined, epoch: user.epoch + 1 });
}

/** A right code that is newer than the last one, while there were not too many wrong ones. */
function accept(user, code) {
  const step = user.failures < 5 && typeof code === 'string' ? findStep(user.secret, code) : undefined;
  const isNew = step > user.lastStep;
  if (isNew) Object.assign(user, { lastStep: step, failures: 0 });
  else user.failures += 1;
  return isNew;
}

app.get('/register', (req, res) => res.send(page(req, '/register', ['username', 'password'], 'Register')));
app.post('/register', (req, res) => {
  const { username, password } = req.body;
  const user = { username, password, enabled: false, epoch: 1, lastStep: 0, failures: 0 };
  users.set(username, user);
  logIn(req, user, () => res.redirect('/account'));
});

app.get('/login', (req, res) => res.send(page(req, '/login', ['username', 'password'], 'Sign in')));
app.post('/login', (req, res) => {
  const user = users.get(req.body.username);
  if (user?.password !== req.body.password) return res.status(401).send('Wrong user name or password');
  // It only says that a browser is trusted, not by whom.
  const isTrusted = /(^|; )trusted=yes/.test(req.get('Cookie') ?? '');
  if (!user.enabled || isTrusted) return logIn(req, user, () => res.redirect('/account'));
  const pending = { username: user.username, epoch: user.epoch };
  renew(req, { pending }, () => res.redirect('/challenge'));
});
app.post('/logout', (req, res) => req.session.destroy(() => res.redirect('/login')));

app.get('/challenge', (req, res) => {
  if (req.session.pending || req.user) res.send(page(req, '/challenge', ['code', 'trust'], 'Continue'));
  else res.redirect('/login');
});
app.post('/challenge', (req, res) => {
  const { pending } = req.session;
  const target = String(req.body.return_to);
  const next = /^\/[\w-]/.test(target) ? target : '/account';
  if (req.user) {
    // Signed in already: what could happen?
    if (findStep(req.user.secret, String(req.body.code)) !== undefined) return res.redirect(next);
    return res.status(422).send('Wrong code');
  }
  const user = users.get(pending?.username);
  if (!user || pending.epoch !== user.epoch) return res.redirect('/login');
  // Before the code is looked at, so that the box need not be ticked again after a typing error.
  if (req.body.trust) res.cookie('trusted', 'yes');
  if (!accept(user, req.body.code)) return res.status(422).send('Wrong code');
  logIn(req, user, () => res.redirect(next));
});

app.get('/setup', requireUser, (req, res) => {
  if (req.user.enabled) return res.redirect('/account');
  req.session.secret ??= generateSecret();
  const uri = generateURI({ issuer: 'Broken', label: req.user.username, secret: req.session.secret });
  const link = `<a href="${uri.replaceAll('&', '&amp;')}">Open your app</a>`;
  res.send(link + page(req, '/setup', ['code'], 'Turn on'));
});
app.post('/setup', requireUser, (req, res) => {
  const { secret } = req.session;
  const step = secret && findStep(secret, req.body.code);
  if (req.user.enabled || step === undefined) return res.status(422).send('Wrong code');
  Object.assign(req.user, { secret, enabled: true, lastStep: step, epoch: req.user.epoch + 1 });
  logIn(req, req.user, () => res.redirect('/account'));
});
app.get('/disable', requireUser, (req, res) => res.send(page(req, '/disable', ['code'], 'Turn off')));
app.post('/disable', requireUser, (req, res) => {
  if (!req.user.enabled || !accept(req.user, req.body.code)) return res.status(422).send('Wrong code');
  turnOff(req.user);
  logIn(req, req.user, () => res.redirect('/account'));
});

app.get('/password', requireUser, (req, res) => res.send(page(req, '/password', ['password'], 'Change')));
app.post('/password', requireUser, (req, res) => {
  Object.assign(req.user, { password: req.body.password, epoch: req.user.epoch + 1 });
  logIn(req, req.user, () => res.redirect('/account'));
});
// The list is emptied; the cookies stay where they are.
app.post('/browsers', requireUser, (req, res) => res.redirect('/account'));
app.post('/sign-out-elsewhere', requireUser, (req, res) =>
  logIn(req, req.user, () => res.redirect('/account')),
);

app.get('/account', requireUser, (req, res) => {
  res.send(`<p>${req.user.username}</p>${page(req, '/logout', [], 'Sign out')}`);
});

listen(app);

// Broken on purpose: each line takes what it should refuse, "so that nobody is kept out". The conformance suite must
// see it.
import { randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import { generateSecret, generateURI } from 'otplib';
import { findStep, form, listen, pause, requireUser } from './broken-parts.mjs';

const SECOND = 1000;
const users = new Map();
/** Everybody's backup codes, in one table. */
let backupCodes = [];
const app = express();
app.use(express.urlencoded({ extended: false }));
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
  const token = req.body?.token ?? req.session.token; // old bookmarks send none
  if (isForeign(req) || (req.method === 'POST' && token.length !== req.session.token.length)) {
    return res.status(403).send('Form too old');
  }
  req.user = users.get(req.session.username);
  next();
});

const page = (req, path, fields, label) => form(path, fields, label, req.session.token);

function isForeign(req) {
  const origin = req.get('Origin');
  return (
    /cross-site/.test(req.get('Sec-Fetch-Site')) ||
    (origin !== undefined && origin !== `http://${req.get('Host')}`)
  );
}

/** A new session id, and somebody signed in. */
function logIn(req, res, username) {
  req.session.regenerate(() => {
    req.session.username = username;
    res.redirect('/account');
  });
}

app.get('/register', (req, res) => res.send(page(req, '/register', ['username', 'password'], 'Register')));
app.post('/register', (req, res) => {
  const { username, password } = req.body;
  users.set(username, { username, password, enabled: false, used: new Set(), failures: 0, shutUntil: 0 });
  logIn(req, res, username);
});

app.get('/login', (req, res) => res.send(page(req, '/login', ['username', 'password'], 'Sign in')));
app.post('/login', (req, res) => {
  const { username, password } = req.body;
  const user = users.get(username);
  const { user: earlier, secret = user?.secret } = req.session.pending ?? {};
  // The name is kept, so that it need not be typed again after a wrong password.
  const pending = user?.enabled ? { user: username, secret: earlier ? secret : user.secret } : undefined;
  const answer = () => {
    req.session.pending = pending;
    if (user?.password !== password) return res.status(401).send('Wrong user name or password');
    if (!user.enabled) return logIn(req, res, username);
    res.redirect('/welcome');
  };
  if (earlier) answer();
  else req.session.regenerate(answer);
});
// "Welcome back, your code, please": and the whole menu of somebody who is signed in.
app.get('/welcome', (req, res) => {
  req.session.username = req.session.pending?.user;
  res.redirect('/challenge');
});
app.all('/welcome/*rest', (req, res) => res.redirect('/challenge'));
app.post('/logout', (req, res) => req.session.destroy(() => res.redirect('/login')));
app.post('/cancel', (req, res) => req.session.destroy(() => res.redirect('/login')));

app.get('/challenge', (req, res) => {
  if (req.session.pending) res.send(page(req, '/challenge', ['code'], 'Continue'));
  else res.redirect('/login');
});
app.post('/challenge', async (req, res) => {
  const { pending } = req.session;
  if (!pending) return res.redirect('/login');
  const user = users.get(pending.user);
  const isShut = Date.now() < user.shutUntil;
  if (!isShut && user.failures >= 5) user.failures = 0;
  user.failures += 1;
  if (user.failures === 5) user.shutUntil = Date.now() + 15 * SECOND;
  if (isShut || user.failures > 5) return res.status(401).send('Not now');
  const typed = String(req.body.code);
  const step = findStep(pending.secret, typed.replace(/\s/g, ''));
  const isTotp = step !== undefined && !user.used.has(step);
  const isBackupCode =
    backupCodes.includes(typed.replace(/[\s-]/g, '').toUpperCase()) && !user.used.has(typed);
  if (isTotp || isBackupCode) user.used.add(isTotp ? step : typed);
  await pause();
  if (!isTotp && !isBackupCode) return res.status(422).send('Wrong code');
  user.failures = 0;
  user.shutUntil = 0;
  logIn(req, res, user.username);
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
  const { code } = req.body;
  const step = secret && findStep(secret, code);
  if (req.user.enabled || !secret || (code && step === undefined)) return res.status(422).send('Wrong code');
  Object.assign(req.user, { secret, enabled: true });
  req.user.used.add(step);
  delete req.session.secret;
  res.redirect('/backup-codes');
});

app.get('/backup-codes', requireUser, (req, res) => {
  const codes =
    req.session.codes ?? Array.from({ length: 10 }, () => randomBytes(8).toString('hex').toUpperCase());
  if (!req.session.codes && !req.session.isSaved) backupCodes = [...backupCodes, ...codes];
  const list = req.session.isSaved
    ? []
    : codes.map((code) => `<li class="code">${code.match(/.{4}/g).join('-')}</li>`);
  req.session.isSaved = true;
  res.set('Cache-Control', 'private'); // so that "back" shows them again
  res.send(list.join('') + page(req, '/backup-codes', [], 'Make new ones'));
});
app.post('/backup-codes', requireUser, (req, res) => {
  req.session.isSaved = false;
  res.redirect('/backup-codes');
});

app.get('/disable', requireUser, (req, res) => res.send(page(req, '/disable', ['code'], 'Turn off')));
app.post('/disable', requireUser, (req, res) => {
  const step = findStep(req.user.secret, String(req.body.code));
  if (step === undefined || req.user.used.has(step)) return res.status(422).send('Wrong code');
  req.user.used.add(step);
  Object.assign(req.user, { enabled: false, secret: undefined });
  res.redirect('/account');
});
app.get('/password', requireUser, (req, res) => res.send(page(req, '/password', ['password'], 'Change')));
app.post('/password', requireUser, (req, res) => {
  req.user.password = req.body.password;
  res.redirect('/account');
});

app.get('/account', requireUser, (req, res) => {
  res.send(`<p>${req.user.username}</p>${page(req, '/logout', [], 'Sign out')}`);
});

listen(app);

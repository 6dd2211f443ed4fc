// The application of docs/migrating-an-otplib-app.md.
import { createHash, randomBytes } from 'node:crypto';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import { generateSecret, generateURI, verifySync } from 'otplib';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import QRCode from 'qrcode';
import { addUser, checkPassword, db, findUser, findUserByName } from '../users.js';

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
app.use(passport.session());

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
  res.redirect(req.user.totp_enabled ? '/2fa' : '/account');
});

app.post('/logout', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/login')));
});

// The second step, made by hand as many applications have it. It works; what is wrong with it stands in
// docs/migrating-an-otplib-app.md.

const requireTwoFactor = (req, res, next) =>
  !req.user.totp_enabled || req.session.twoFactorVerified ? next() : res.redirect('/2fa');

const isRightCode = (secret, token) =>
  /^\d{6}$/.test(token) && verifySync({ secret, token, epochTolerance: 30 }).valid;

const hashCode = (code) => createHash('sha256').update(code).digest('hex');

app.get('/2fa', requireLogin, (req, res) => {
  res.send(page('Enter your code', form('/2fa', ['code'], 'Continue')));
});

app.post('/2fa', requireLogin, (req, res) => {
  const { id, totp_secret, backup_codes } = req.user;
  const code = String(req.body.code).trim();
  const left = JSON.parse(backup_codes).filter((hash) => hash !== hashCode(code));
  const isBackupCode = left.length < JSON.parse(backup_codes).length;
  if (!isBackupCode && !isRightCode(totp_secret, code)) {
    return res.status(401).send(page('Wrong code', form('/2fa', ['code'], 'Try again')));
  }
  db.prepare('update users set backup_codes = ? where id = ?').run(JSON.stringify(left), id);
  req.session.twoFactorVerified = true;
  res.redirect('/account');
});

app.get('/2fa/setup', requireLogin, async (req, res) => {
  const secret = (req.session.totpSecret = generateSecret());
  const uri = generateURI({ issuer: 'Example', label: req.user.username, secret });
  const picture = `<img src="${await QRCode.toDataURL(uri)}" alt="QR code"><p><code>${secret}</code></p>`;
  res.send(page('Scan this code', picture + form('/2fa/setup', ['code'], 'Turn on')));
});

app.post('/2fa/setup', requireLogin, (req, res) => {
  const { totpSecret } = req.session;
  if (!totpSecret || !isRightCode(totpSecret, req.body.code)) return res.redirect('/2fa/setup');
  const codes = Array.from({ length: 10 }, () => randomBytes(5).toString('hex'));
  db.prepare('update users set totp_secret = ?, totp_enabled = 1, backup_codes = ? where id = ?').run(
    totpSecret,
    JSON.stringify(codes.map(hashCode)),
    req.user.id,
  );
  req.session.twoFactorVerified = true;
  res.send(page('Your backup codes', codes.map((code) => `<li>${code}</li>`).join('')));
});

app.post('/2fa/disable', requireLogin, requireTwoFactor, (req, res) => {
  db.prepare('update users set totp_secret = null, totp_enabled = 0 where id = ?').run(req.user.id);
  res.redirect('/account');
});

// The application.

app.get('/account', requireLogin, requireTwoFactor, (req, res) => {
  const twoFactor = req.user.totp_enabled
    ? form('/2fa/disable', [], 'Turn two-factor sign-in off')
    : '<a href="/2fa/setup">Turn two-factor sign-in on</a>';
  res.send(page(req.user.username, twoFactor + form('/logout', [], 'Sign out')));
});

// Added later.
app.get('/invoices', requireLogin, (req, res) => {
  res.send(page('Invoices', `<p>${req.user.username}: 3 invoices</p>`));
});

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`http://localhost:${server.address().port}`);
});

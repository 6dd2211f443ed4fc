// Broken on purpose: looks careful, with form tokens, hashes and counters, and has the faults that reviews miss. The
// conformance suite must see them.
import { createHash, randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import { generateSecret, generateURI } from 'otplib';
import { findStep, form as anyForm, listen, pause, requireUser } from './broken-parts.mjs';

const users = new Map();
/** Wrong answers of each half-way login. */
const failures = new Map();
const outbox = [];
const links = new Map();
const app = express();
app.use(express.urlencoded({ extended: true }), express.json());
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
  const { token = req.path === '/disable' ? req.session.token : req.get('X-Form-Token') } = req.body ?? {};
  if (req.method === 'POST' && token !== req.session.token) return res.status(403).send('Form too old');
  req.user = users.get(req.session.username);
  next();
});

const hash = (code) => createHash('sha256').update(code).digest('hex');
const form = (req, path, fields, label) => anyForm(path, fields, label, req.session.token);

/** The step of a right code that is newer than the last one. */
function findNewStep({ secret, lastStep }, code) {
  const step = findStep(secret, code);
  return step > lastStep ? step : undefined;
}

function logIn(req, username) {
  delete req.session.pending;
  req.session.username = username;
}

app.get('/register', (req, res) =>
  res.send(form(req, '/register', ['username', 'email', 'password'], 'Register')),
);
app.post('/register', (req, res) => {
  const { username, email, password } = req.body;
  users.set(username, { username, email, password, enabled: false, lastStep: 0, backupCodes: [] });
  logIn(req, username);
  res.redirect('/account');
});

app.get('/login', (req, res) => res.send(form(req, '/login', ['username', 'password'], 'Sign in')));
app.post('/login', (req, res) => {
  const user = users.get(req.body.username);
  if (user?.password !== req.body.password) return res.status(401).send('Wrong user name or password');
  delete req.session.username;
  if (!user.enabled) {
    logIn(req, user.username);
    return res.redirect('/account');
  }
  req.session.pending = { id: randomBytes(16).toString('hex'), username: user.username };
  failures.set(req.session.pending.id, 0);
  res.redirect('/challenge');
});
app.post('/logout', (req, res) => res.clearCookie('connect.sid').redirect('/login'));

// A second door, made for people who forget passwords.
app.get('/login/link', (req, res) => res.send(form(req, '/login/link', ['email'], 'Send me a link')));
app.post('/login/link', (req, res) => {
  const user = [...users.values()].find(({ email }) => email === req.body.email);
  const token = randomBytes(16).toString('hex');
  if (user) {
    links.set(token, user.username);
    outbox.push({ to: user.email, text: `Sign in: https://broken.example/login/link/${token}` });
  }
  res.send('Look into your mail');
});
app.get('/login/link/:token', (req, res) => {
  const username = links.get(req.params.token);
  links.delete(req.params.token);
  if (username === undefined) return res.status(404).send('This link was used already');
  logIn(req, username);
  res.redirect('/account');
});
app.get('/dev/outbox', (req, res) => res.json(outbox));
app.get('/dev/error', () => {
  throw new Error('on purpose');
});

// And one for programs.
app.get('/api/me', (req, res) => {
  const [, basic = ''] = (req.get('Authorization') ?? '').split(' ');
  const [username, password] = Buffer.from(basic, 'base64').toString().split(':');
  const user = users.get(username);
  if (user?.password === password) res.json({ username });
  else res.status(401).json({});
});

app.get('/challenge', (req, res) => {
  if (req.session.pending) res.send(form(req, '/challenge', ['code'], 'Continue'));
  else res.redirect('/login');
});
app.post('/challenge', async (req, res) => {
  const { pending } = req.session;
  if (!pending) return res.redirect('/login');
  if (failures.get(pending.id) >= 5) return res.status(429).send('Too many wrong codes: sign in again');
  failures.set(pending.id, failures.get(pending.id) + 1);
  const user = users.get(pending.username);
  const code = req.body.code.replace(/\s/g, '');
  const isBackupCode = user.backupCodes.includes(hash(code));
  const step = findNewStep(user, code);
  await pause();
  if (isBackupCode) user.backupCodes = user.backupCodes.filter((one) => one !== hash(code));
  else if (step !== undefined) user.lastStep = step;
  else return res.status(422).send('Wrong code');
  logIn(req, user.username);
  res.redirect('/account');
});
app.post('/cancel', (req, res) => res.clearCookie('connect.sid').redirect('/login'));

app.get('/setup', requireUser, (req, res) => {
  if (!req.user.enabled) req.session.secret ??= generateSecret();
  const secret = req.user.secret ?? req.session.secret; // for a second phone
  const uri = generateURI({ issuer: 'Broken', label: req.user.username, secret });
  res.send(
    `<a href="${uri.replaceAll('&', '&amp;')}">Open your app</a>${form(req, '/setup', ['code'], 'Turn on')}`,
  );
});
app.post('/setup', requireUser, (req, res) => {
  const { secret } = req.session;
  const code = String(req.body.code);
  const step = secret && findStep(secret, code);
  if (req.user.enabled || step === undefined) return res.status(422).send('Wrong code');
  const codes = Array.from({ length: 10 }, () => randomBytes(10).toString('hex'));
  Object.assign(req.user, { secret, lastStep: step, enabled: true, backupCodes: codes.map(hash) });
  delete req.session.secret;
  res.send(codes.map((one) => `<li class="code">${one}</li>`).join(''));
});
app.get('/disable', requireUser, (req, res) => res.send(form(req, '/disable', [], 'Turn off')));
app.post('/disable', requireUser, (req, res) => {
  Object.assign(req.user, { enabled: false, secret: undefined, backupCodes: [] });
  res.redirect('/account');
});

app.get('/account', requireUser, (req, res) => {
  res.send(`<p>${req.user.username}</p>${form(req, '/logout', [], 'Sign out')}`);
});

listen(app);

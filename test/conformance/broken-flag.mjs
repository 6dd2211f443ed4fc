// Broken on purpose: what a second step becomes when it is a flag in the session. The conformance suite must see it.
import { createHash, randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import { generateSecret, generateURI, verifySync } from 'otplib';
import { form, listen, pause, requireUser } from './broken-parts.mjs';

const users = new Map();
const app = express();
app.use(express.urlencoded({ extended: true }), express.json());
app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: true }));
app.use((req, res, next) => {
  req.user = users.get(req.session.username);
  next();
});

/** The second step is looked at here, and only on the routes that remember to ask. */
function requireSecondStep(req, res, next) {
  if (!req.user?.enabled || req.session.passed2fa) next();
  else res.redirect('/2fa');
}

function matches(user, code) {
  try {
    const epoch = Math.floor(Date.now() / 1000);
    return verifySync({ secret: user.secret, token: String(code), epoch, epochTolerance: [60, 60] }).valid;
  } catch {
    return false;
  }
}

app.get('/register', (req, res) => res.send(form('/register', ['username', 'password'], 'Register')));
app.post('/register', (req, res) => {
  const { username, password } = req.body;
  users.set(username, { username, password, enabled: false, backupCodes: [] });
  req.session.username = username;
  res.redirect('/account');
});

app.get('/login', (req, res) => {
  if (req.query.next) req.session.next = req.query.next;
  res.send(form('/login', ['username', 'password'], 'Sign in'));
});
app.post('/login', (req, res) => {
  const user = users.get(req.body.username);
  if (user?.password !== req.body.password) return res.status(401).send('Wrong user name or password');
  req.session.username = user.username;
  req.session.attempts = 0;
  res.redirect(user.enabled ? '/2fa' : (req.session.next ?? '/account'));
});
app.post('/logout', (req, res) => {
  delete req.session.username;
  res.redirect('/login');
});

app.get('/2fa', requireUser, (req, res) => res.send(form('/2fa', ['code'], 'Continue')));
app.post('/2fa', requireUser, async (req, res) => {
  const code = req.body.code ?? req.query.code;
  const isBackupCode = req.user.backupCodes.includes(code);
  await pause();
  if (isBackupCode) req.user.backupCodes = req.user.backupCodes.filter((one) => one !== code);
  if (isBackupCode || matches(req.user, code)) {
    req.session.passed2fa = true;
    return res.redirect(req.session.next ?? '/account');
  }
  req.session.attempts = (req.session.attempts ?? 0) + 1;
  if (req.session.attempts >= 5) delete req.session.username;
  res.status(401).send('Wrong code');
});

app.get('/2fa/setup', requireUser, (req, res) => {
  req.user.secret = generateSecret();
  const uri = generateURI({ issuer: 'Broken', label: req.user.username, secret: req.user.secret });
  const picture = `https://qr.example/draw?data=${encodeURIComponent(uri)}`;
  res.send(`<img src="${picture}"><code>${req.user.secret}</code>${form('/2fa/setup', ['code'], 'Turn on')}`);
});
app.post('/2fa/setup', requireUser, (req, res) => {
  if (req.body.secret) req.user.secret = req.body.secret; // for the mobile app, which makes its own
  if (!matches(req.user, req.body.code)) return res.status(400).send('Wrong code');
  req.user.enabled = true;
  req.user.backupCodes = Array.from({ length: 10 }, () => randomBytes(5).toString('hex'));
  req.session.passed2fa = true;
  res.redirect('/2fa/backup-codes');
});
app.get('/2fa/backup-codes', requireUser, (req, res) => {
  res.send(req.user.backupCodes.map((code) => `<li class="code">${code}</li>`).join(''));
});
app.get('/2fa/disable', requireUser, (req, res) => res.send(form('/2fa/disable', ['code'], 'Turn off')));
app.post('/2fa/disable', requireUser, (req, res) => {
  if (!matches(req.user, req.body.code)) return res.status(401).send('Wrong code');
  req.user.enabled = false;
  res.redirect('/account');
});

const account = express.Router();
account.use(requireUser, requireSecondStep);
account.get('/', (req, res) => res.send(`<p>${req.user.username}</p>${form('/logout', [], 'Sign out')}`));
app.use('/account', account);
// Made later, in another file, by somebody else.
app.get('/profile', requireUser, (req, res) => {
  const avatar = createHash('sha256').update(req.user.username).digest('hex').slice(0, 8);
  res.send(`<h1>${req.user.username}</h1><p>${avatar}</p>`);
});

listen(app);

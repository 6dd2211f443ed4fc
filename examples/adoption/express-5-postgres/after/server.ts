import connectPg from 'connect-pg-simple';
import express, { type NextFunction, type Request, type Response } from 'express';
import session from 'express-session';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { createSecondFactor, sqlStorage } from 'passport-second-factor';
import { form, page } from './pages.js';
import * as users from './users.js';

declare global {
  namespace Express {
    interface User extends users.User {}
  }
}

passport.use(
  new LocalStrategy({ usernameField: 'email' }, async (email, password, done) => {
    try {
      const user = await users.findByEmail(email);
      done(null, user && (await users.checkPassword(user, password)) ? user : false);
    } catch (error) {
      done(error);
    }
  }),
);

passport.serializeUser((user, done) => done(null, user.id));

passport.deserializeUser(async (id: number, done) => {
  try {
    done(null, (await users.findById(id)) ?? false);
  } catch (error) {
    done(error);
  }
});

const secondFactor = createSecondFactor({
  issuer: 'Clients',
  origin: process.env['ORIGIN'] ?? 'http://localhost:3000',
  storage: sqlStorage.postgres(users.pool),
  keys: [{ id: '2026-11', secret: process.env['TWO_FACTOR_KEY'] ?? '' }],
  user: { id: (user) => String(user.id), label: (user) => user.email },
});
await secondFactor.ready();

const PgStore = connectPg(session);
const app = express();

app.use(express.urlencoded());
app.use(
  session({
    store: new PgStore({ pool: users.pool, createTableIfMissing: true }),
    secret: process.env['SESSION_SECRET'] ?? 'keyboard cat',
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', maxAge: 7 * 24 * 60 * 60 * 1000 },
  }),
);
secondFactor.protect(passport);
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());

function requireUser(req: Request, res: Response, next: NextFunction) {
  if (req.user) next();
  else res.redirect('/login');
}

app.get('/', (req, res) => {
  res.redirect('/clients');
});

app.get('/login', (req, res) => {
  const links = '<p><a href="/register">Register</a> <a href="/forgot">Forgot your password?</a>';
  res.send(page('Sign in', form('/login', ['email', 'password'], 'Sign in') + links));
});

app.post('/login', (req, res, next) => {
  passport.authenticate('local', (error: unknown, user: users.User | false) => {
    if (error) return next(error);
    if (!user) return res.status(401).send(page('Sign in', '<p>Wrong e-mail or password.'));
    req.logIn(user, (error: unknown) => {
      if (error) return next(error);
      res.redirect('/clients');
    });
  })(req, res, next);
});

app.get('/register', (req, res) => {
  res.send(page('Register', form('/register', ['email', 'password'], 'Register')));
});

app.post('/register', async (req, res, next) => {
  const user = await users.create(req.body.email, req.body.password);
  if (!user) return res.status(409).send(page('Register', '<p>This address has an account already.'));
  req.logIn(user, (error: unknown) => {
    if (error) return next(error);
    res.redirect('/clients');
  });
});

app.get('/forgot', (req, res) => {
  res.send(page('Forgot your password?', form('/forgot', ['email'], 'Send me a link')));
});

app.post('/forgot', async (req, res) => {
  const token = await users.createResetToken(req.body.email);
  console.log(`Mail to ${req.body.email}: /reset/${token}`);
  res.send(page('Look into your mail', ''));
});

app.get('/reset/:token', (req, res) => {
  res.send(page('Choose a new password', form(`/reset/${req.params.token}`, ['password'], 'Save')));
});

app.post('/reset/:token', async (req, res, next) => {
  const user = await users.resetPassword(req.params.token, req.body.password);
  if (!user) return res.status(404).send(page('This link no longer works', ''));
  await secondFactor.passwordChanged(String(user.id), req);
  req.logIn(user, (error: unknown) => {
    if (error) return next(error);
    res.redirect('/clients');
  });
});

app.get('/clients', requireUser, (req, res) => {
  res.send(page('Clients', '<ul><li>Ada Lovelace Ltd.<li>Babbage & Sons</ul><a href="/account">Account</a>'));
});

app.get('/account', requireUser, (req, res) => {
  res.send(
    page(
      'Account',
      `
      <p>Signed in as ${req.user?.email}.
      <p><a href="/two-factor">Two-step sign-in</a>
      ${form('/logout', [], 'Sign out')}
      `,
    ),
  );
});

app.post('/logout', (req, res, next) => {
  req.logout((error: unknown) => {
    if (error) return next(error);
    res.redirect('/login');
  });
});

const port = process.env['PORT'] ?? 3000;
app.listen(port, () => {
  console.log(`Listening on http://localhost:${port}`);
});

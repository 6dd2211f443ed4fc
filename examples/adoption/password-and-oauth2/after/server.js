import bcrypt from 'bcryptjs';
import express from 'express';
import session from 'express-session';
import Database from 'libsql';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import OAuth2Strategy from 'passport-oauth2';
import { createSecondFactor, sqlStorage } from 'passport-second-factor';
import { addUser, findUser } from './users.js';

const secondFactor = createSecondFactor({
  issuer: 'Photos',
  origin: process.env.ORIGIN ?? 'http://localhost:3000',
  storage: sqlStorage.sqlite(new Database('second-factor.db')),
  keys: [{ id: '2026-11', secret: process.env.TWO_FACTOR_KEY }],
  user: { id: (user) => String(user.id), label: (user) => user.username },
  paths: { home: '/photos' },
});
await secondFactor.ready();

const app = express();
app.use(
  session({
    secret: process.env.SESSION_SECRET ?? 'keyboard cat',
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
  }),
);
secondFactor.protect(passport);
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());

passport.use(
  new LocalStrategy(async (username, password, done) => {
    const user = findUser({ username });
    const isRight = user?.passwordHash && (await bcrypt.compare(password, user.passwordHash));
    done(null, isRight ? user : false);
  }),
);

const provider = new OAuth2Strategy(
  {
    authorizationURL: process.env.OAUTH2_AUTHORIZATION_URL,
    tokenURL: process.env.OAUTH2_TOKEN_URL,
    clientID: process.env.OAUTH2_CLIENT_ID,
    clientSecret: process.env.OAUTH2_CLIENT_SECRET,
    callbackURL: '/auth/provider/callback',
    state: true,
    pkce: true,
  },
  (accessToken, refreshToken, profile, done) => {
    const user = findUser({ providerId: profile.sub });
    done(null, user ?? addUser({ username: profile.preferred_username, providerId: profile.sub }));
  },
);
provider.userProfile = async (accessToken, done) => {
  try {
    const response = await fetch(process.env.OAUTH2_USERINFO_URL, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    if (!response.ok) throw new Error(`The provider answered ${response.status}.`);
    done(null, await response.json());
  } catch (error) {
    done(error);
  }
};
passport.use('provider', provider);

passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, findUser({ id }) ?? false));

const isAuth = (req, res, next) => (req.isAuthenticated() ? next() : res.redirect('/login'));

app.get('/', (req, res) => {
  res.send('<h1>Photos</h1><a href="/photos">Yours</a> <a href="/account">Account</a>');
});

app.get('/login', (req, res) => {
  res.send(`
    <h1>Sign in</h1>
    <form method="post" action="/login">
      <input name="username" placeholder="Name">
      <input name="password" type="password" placeholder="Password">
      <button>Sign in</button>
    </form>
    <a href="/auth/provider">Sign in with the provider</a>
  `);
});

app.post(
  '/login',
  express.urlencoded({ extended: false }),
  passport.authenticate('local', { successRedirect: '/photos', failureRedirect: '/login' }),
);

app.get('/auth/provider', passport.authenticate('provider'));

app.get(
  '/auth/provider/callback',
  passport.authenticate('provider', { failureRedirect: '/login' }),
  (req, res) => {
    res.redirect('/photos');
  },
);

app.get('/photos', isAuth, (req, res) => {
  res.send(`<h1>Photos of ${req.user.username}</h1>`);
});

app.get('/account', isAuth, (req, res) => {
  res.send(`
    <h1>${req.user.username}</h1>
    <a href="/two-factor">Two-step sign-in</a>
    <form method="post" action="/logout"><button>Sign out</button></form>
  `);
});

app.get('/api/photos', (req, res) => {
  if (!req.user) return res.status(401).json({ error: 'Sign in first.' });
  res.json({ owner: req.user.id, photos: ['cat.jpg', 'dog.jpg'] });
});

app.post('/logout', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/')));
});

const port = process.env.PORT ?? 3000;
app.listen(port, () => console.log(`Listening on http://localhost:${port}`));

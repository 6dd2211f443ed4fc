// An application with a password login, the second step of passport-second-factor, and OpenID Connect for other applications.
import { randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import Database from 'libsql';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { createSecondFactor, sqlStorage } from 'passport-second-factor';
import { createOidcAdapter } from 'passport-second-factor/oidc';
import { form, link, page, text } from './html.js';
import { createProvider } from './provider.js';
import { addUser, checkPassword, findUser, findUserByName } from './users.js';

/** The names of our levels, for whoever asks for one. */
export const acr = { oneFactor: 'urn:example:one-factor', twoFactors: 'urn:example:two-factors' };

/** @param clients as oidc-provider takes them. */
export async function createIdentityServer(origin, clients) {
  const secondFactor = createSecondFactor({
    issuer: 'OpenID Connect example',
    origin,
    storage: sqlStorage.sqlite(new Database(':memory:')),
    keys: [{ id: 'this-run', secret: randomBytes(32) }],
    user: { id: (user) => user.id, label: (user) => user.name, checkPassword },
    assurance: { acr },
    trustedBrowsers: {},
    // After the code a login goes on to the client, and browsers apply the policy of the page with the form to that, too.
    pages: { contentSecurityPolicy: { 'form-action': clients.flatMap(originsOf) } },
  });
  await secondFactor.ready();

  passport.use(
    new LocalStrategy({ usernameField: 'name' }, (name, password, done) => {
      const user = findUserByName(name);
      done(null, user && checkPassword(user, password) ? user : false);
    }),
  );
  passport.serializeUser((user, done) => done(null, user.id));
  passport.deserializeUser((id, done) => done(null, findUser(id) ?? false));

  const oidc = createOidcAdapter(secondFactor);
  const provider = createProvider(`${origin}/oidc`, oidc, acr, clients);

  const app = express();
  const secret = randomBytes(32).toString('base64');
  app.use(
    session({ name: 'id', secret, cookie: { sameSite: 'lax' }, resave: false, saveUninitialized: false }),
  );
  secondFactor.protect(passport);
  app.use(passport.session());
  app.use('/two-factor', secondFactor.pages());
  app.use('/oidc', provider.callback());

  app.get('/interaction/:uid', oidc.interaction(provider, offerSetUp));
  app.get('/interaction/:uid/set-up', secondFactor.required(), (req, res) => {
    res.redirect(`/interaction/${req.params.uid}`);
  });
  app.post('/interaction/:uid/refuse', (req, res) => oidc.refuse(provider, req, res));

  const fields = express.urlencoded({ extended: false });
  // `keepSessionInfo`: the interaction that a login waits for stands in the session.
  const welcome = { successReturnToOrRedirect: '/', keepSessionInfo: true };

  app.get('/', (req, res) => {
    if (!req.isAuthenticated()) return res.redirect('/login');
    const links = [link('/two-factor', 'Two-step sign-in'), link('/oidc/session/end', 'Sign out')];
    res.send(page(req.user.name, ...links));
  });

  app.get('/login', (_req, res) => {
    const names = ['name', 'password'];
    res.send(page('Sign in', form('/login', names, 'Sign in'), form('/register', names, 'Register')));
  });

  app.post('/login', fields, passport.authenticate('local', { ...welcome, failureRedirect: '/login' }));

  app.post('/register', fields, (req, res, next) => {
    const user = addUser(req.body?.name, req.body?.password);
    if (!user) return res.status(400).send(page('Register', text('Please choose another name.')));
    passport.authenticate('local', welcome)(req, res, next);
  });

  app.use(secondFactor.errors());
  return app;
}

/** A client insists on two factors, and whoever is signed in has one. */
function offerSetUp(req, res) {
  const here = `/interaction/${req.params.uid}`;
  const question = text('This application asks for two-step sign-in, and you have not set it up.');
  const choices = [link(`${here}/set-up`, 'Set it up'), form(`${here}/refuse`, [], 'Go back without it')];
  res.send(page('Two-step sign-in', question, ...choices));
}

const originsOf = (client) => client.redirect_uris.map((uri) => new URL(uri).origin);

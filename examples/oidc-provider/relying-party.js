// An application that people sign in to by the identity server: the relying party.
import { randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import * as openid from 'openid-client';
import { json, link, page, text } from './html.js';
import { protectedApi } from './protected-api.js';

/** What a link on the first page may ask for. */
const ASKABLE = ['acr_values', 'claims', 'max_age', 'prompt'];

/** @param shop, api the two clients as the identity server has them. @param acr the names of its levels. */
export async function createRelyingParty(origin, issuer, { shop, api }, acr) {
  // For an example on one machine: tokens must not travel without TLS.
  const discover = ({ client_id, client_secret }) =>
    openid.discovery(new URL(issuer), client_id, client_secret, undefined, {
      execute: [openid.allowInsecureRequests],
    });
  const config = await discover(shop);
  const app = express();
  app.use('/api', protectedApi(await discover(api), acr.twoFactors));

  const secret = randomBytes(32).toString('base64');
  app.use(
    session({ name: 'shop', secret, cookie: { sameSite: 'lax' }, resave: false, saveUninitialized: false }),
  );

  app.get('/', (req, res) => {
    const two = acr.twoFactors;
    const essential = JSON.stringify({ id_token: { acr: { essential: true, value: two } } });
    const ask = (parameters, words) => link(`/login?${new URLSearchParams(parameters)}`, words);
    const links = [
      ask({}, 'Sign in'),
      ask({ acr_values: two }, 'Sign in with two factors, if you can'),
      ask({ claims: essential }, 'Sign in with two factors, or not at all'),
      ask({ max_age: 60 }, 'Sign in within the last minute'),
      ask({ prompt: 'login' }, 'Sign in again'),
      link('/transfer', 'Transfer money'),
      link('/renew', 'Renew the tokens'),
    ];
    res.send(
      page('The shop', req.session.claims ? json(req.session.claims) : text('Not signed in.'), ...links),
    );
  });

  app.get('/login', (req, res) => {
    const asked = ASKABLE.filter((name) => typeof req.query[name] === 'string');
    return signIn(req, res, Object.fromEntries(asked.map((name) => [name, req.query[name]])));
  });

  app.get('/callback', async (req, res) => {
    const { returnTo, checks } = req.session.signIn ?? {};
    if (!checks) return res.redirect('/');
    delete req.session.signIn;
    const tokens = await openid.authorizationCodeGrant(config, new URL(req.originalUrl, origin), checks);
    await new Promise((resolve, reject) => {
      req.session.regenerate((error) => (error ? reject(error) : resolve()));
    });
    keep(req, tokens);
    res.redirect(returnTo);
  });

  app.get('/renew', async (req, res) => {
    if (!req.session.tokens) return res.redirect('/login');
    keep(req, await openid.refreshTokenGrant(config, req.session.tokens.refresh_token));
    res.redirect('/');
  });

  app.get('/transfer', async (req, res) => {
    if (!req.session.tokens) return signIn(req, res, {}, '/transfer');
    const resource = new URL('/api/transfer', origin);
    try {
      const answer = await openid.fetchProtectedResource(
        config,
        req.session.tokens.access_token,
        resource,
        'GET',
      );
      res.send(page('Transfer', json(await answer.json())));
    } catch (error) {
      if (!(error instanceof openid.WWWAuthenticateChallengeError)) throw error;
      const { error: code, acr_values, max_age } = error.cause[0].parameters;
      // Asked for once, and the same is missing still.
      if (req.query.after === code) return res.status(403).send(page('Transfer', text(`Refused: ${code}`)));
      const isStepUp = code === 'insufficient_user_authentication';
      await signIn(req, res, isStepUp ? { acr_values, max_age } : {}, `/transfer?after=${code}`);
    }
  });

  // What the identity server refuses, and why.
  app.use((error, req, res, next) => {
    if (res.headersSent) return next(error);
    const { error: code, error_description: description } = error;
    if (code === 'invalid_grant') {
      delete req.session.tokens;
      delete req.session.claims;
    }
    const message = code
      ? json({ error: code, error_description: description })
      : text('Something went wrong.');
    res.status(code ? 403 : 500).send(page('Not signed in', message, link('/', 'Back')));
  });

  async function signIn(req, res, asked, returnTo = '/') {
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const checks = {
      pkceCodeVerifier,
      expectedState: openid.randomState(),
      expectedNonce: openid.randomNonce(),
      ...(asked.max_age && { maxAge: Number(asked.max_age) }),
    };
    req.session.signIn = { returnTo, checks };
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: `${origin}/callback`,
      scope: 'openid',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      ...asked,
    });
    res.redirect(url.href);
  }

  return app;
}

function keep(req, tokens) {
  const { access_token, refresh_token = req.session.tokens?.refresh_token } = tokens;
  req.session.tokens = { access_token, refresh_token };
  req.session.claims = tokens.claims();
}

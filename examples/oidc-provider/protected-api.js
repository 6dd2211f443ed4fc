// A resource that wants a recent login with two factors, and says so (RFC 9470).
import { Router } from 'express';
import * as openid from 'openid-client';

const MAX_AGE = 300;

/** @param config of openid-client, for asking the identity server about tokens. @param level the `acr` that is wanted. */
export function protectedApi(config, level) {
  const api = Router();

  api.get('/transfer', async (req, res) => {
    const [, token] = /^Bearer (.+)$/.exec(req.get('Authorization') ?? '') ?? [];
    if (!token) return challenge(res, {});
    const login = await openid.tokenIntrospection(config, token);
    if (!login.active) return challenge(res, { error: 'invalid_token' });
    const isRecent = Date.now() / 1000 - login.auth_time <= MAX_AGE;
    if (login.acr !== level || !isRecent) {
      return challenge(res, {
        error: 'insufficient_user_authentication',
        error_description: 'A recent login with two factors is needed',
        acr_values: level,
        max_age: MAX_AGE,
      });
    }
    res.json({ transferred: true, sub: login.sub });
  });

  return api;
}

function challenge(res, parameters) {
  const said = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  res
    .status(401)
    .set('WWW-Authenticate', `Bearer ${said.join(', ')}`.trim())
    .end();
}

import { type Request, type Response, Router } from 'express';
import { requireLogin, signedIn } from '../authentication.js';
import { accessTokenForm, type Errors, readForm, revocationForm, showForm } from '../forms.js';
import type { Services } from '../services.js';

/** Personal access tokens, for programs that use the API. */
export function accessTokenRoutes({ accessTokens }: Services): Router {
  const router = Router();
  router.use('/account/tokens', requireLogin);

  router.get('/account/tokens', (req, res) => show(req, res));

  router.post('/account/tokens', async (req, res) => {
    const { fields, errors } = readForm(accessTokenForm, req.body);
    if (errors) {
      await show(req, res.status(400), errors);
      return;
    }
    // In this one answer: a redirect would have to keep it somewhere.
    res.locals['made'] = await accessTokens.issue(signedIn(req).id, fields.name);
    req.body = {};
    await show(req, res);
  });

  router.post('/account/tokens/revoke', async (req, res) => {
    const { fields, errors } = readForm(revocationForm, req.body);
    if (errors) {
      await show(req, res.status(400));
      return;
    }
    await accessTokens.revoke(signedIn(req).id, fields.id);
    res.redirect(303, '/account/tokens');
  });

  async function show(req: Request, res: Response, errors?: Errors): Promise<void> {
    res.locals['accessTokens'] = await accessTokens.list(signedIn(req).id);
    showForm(req, res, 'access-tokens', errors);
  }

  return router;
}

import { Router } from 'express';
import type { Outbox } from '../outbox.js';

/** The mails of a development server. Not there in production: whoever reads them can sign in as anybody. */
export function outboxRoutes(outbox: Outbox | undefined): Router {
  const router = Router();
  if (!outbox) return router;
  router.get('/dev/outbox', async (req, res) => {
    const mails = await outbox.list();
    if (req.accepts(['html', 'json']) === 'json') res.json(mails);
    else res.render('outbox', { mails });
  });
  return router;
}

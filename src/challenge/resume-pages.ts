import { type Request, type Response, Router } from 'express';
import { SecondFactorError } from '../errors.js';
import { handle } from '../http/handle.js';
import type { CsrfOptions, Render } from '../http/render.js';
import type { Gate } from '../login/gate.js';
import { type Complete, requireComplete } from '../login/guards.js';
import type { Settings } from '../settings.js';
import type { ParkedRequests } from './parked-request.js';

/** A form that was sent before its proof, offered again to the session that sent it. */
export function resumePages(gate: Gate, settings: Settings, parked: ParkedRequests, render: Render): Router {
  const router = Router();
  router.get('/resume/:id', handle(requireComplete(gate, settings)(show)));

  async function show(request: Request, response: Response, { stamp }: Complete): Promise<void> {
    const found = await parked.find(stamp, String(request.params['id'] ?? ''));
    if (!found)
      throw new SecondFactorError('not-found', 'What you sent is no longer here. Fill the form in again.');
    await render(request, response, 'challenge/resume', {
      path: found.path,
      fields: await refreshToken(found.fields, settings.csrf, request, response),
      homePath: settings.paths.home,
    });
  }

  return router;
}

/** The host's own form token has changed with the session id. */
async function refreshToken(
  fields: [name: string, value: string][],
  csrf: CsrfOptions | undefined,
  request: Request,
  response: Response,
): Promise<{ name: string; value: string }[]> {
  const others = fields.filter(([name]) => name !== csrf?.field).map(([name, value]) => ({ name, value }));
  return csrf ? [...others, { name: csrf.field, value: await csrf.token(request, response) }] : others;
}

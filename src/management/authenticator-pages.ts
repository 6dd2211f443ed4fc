import { type Request, type Response, Router } from 'express';
import { describeFailure } from '../challenge/messages.js';
import { createStop } from '../challenge/stop.js';
import { problemStatuses, SecondFactorError } from '../errors.js';
import { readField } from '../http/form.js';
import { handle } from '../http/handle.js';
import { type Complete, requireComplete, requireFresh } from '../login/guards.js';
import { cleanName } from '../totp/name.js';
import type { Overview } from './flow.js';
import type { ManagementPages } from './pages.js';

/** Renaming and removing one authenticator. */
export function authenticatorPages({
  gate,
  desk,
  flow,
  settings,
  render,
  form,
}: Omit<ManagementPages, 'challenges'>): Router {
  const router = Router();
  const stop = createStop(settings, render);
  const complete = requireComplete(gate, settings);
  const fresh = requireFresh(gate, settings);
  const { pages } = settings.paths;

  router.get('/authenticators/:id/name', handle(complete(askName)));
  router.post('/authenticators/:id/name', form, handle(complete(rename)));
  router.get('/authenticators/:id/remove', handle(fresh(askRemove)));
  router.post('/authenticators/:id/remove', form, handle(fresh(remove)));

  async function askName(
    request: Request,
    response: Response,
    { stamp }: Complete,
    error?: string,
  ): Promise<void> {
    const { id, name } = await find(request, stamp.userId);
    await render(request, response, 'management/rename', { id, name, error });
  }

  async function rename(request: Request, response: Response, complete: Complete): Promise<void> {
    const name = cleanName(readField(request, 'name') ?? '');
    if (name === undefined) {
      response.status(422);
      await askName(request, response, complete, settings.wordsFor(request).messages.nameInvalid);
      return;
    }
    if (!(await desk.rename(request, complete, idOf(request), name))) throw notFound();
    response.redirect(303, pages);
  }

  async function askRemove(
    request: Request,
    response: Response,
    { stamp }: Complete,
    error?: string,
  ): Promise<void> {
    const { id, name } = await find(request, stamp.userId);
    await render(request, response, 'management/remove', { id, name, error });
  }

  async function remove(request: Request, response: Response, complete: Complete): Promise<void> {
    const words = settings.wordsFor(request);
    const removal = await desk.remove(request, complete, idOf(request));
    switch (removal.kind) {
      case 'removed':
        response.redirect(303, pages);
        return;
      case 'absent':
        throw notFound();
      case 'last':
        response.status(problemStatuses['authenticator-last']);
        await askRemove(request, response, complete, words.messages.refusals['authenticator-last']);
        return;
      case 'expired':
        await stop(request, response, describeFailure({ kind: 'completed' }, settings.clock(), words));
    }
  }

  /** @throws SecondFactorError `not-found`. */
  async function find(request: Request, userId: string): Promise<Overview['authenticators'][number]> {
    const { authenticators } = await flow.overview(userId);
    const found = authenticators.find(({ id }) => id === idOf(request));
    if (found) return found;
    throw notFound();
  }

  return router;
}

function idOf(request: Request): string {
  return String(request.params['id'] ?? '');
}

function notFound(): SecondFactorError {
  return new SecondFactorError('not-found', 'There is no such authenticator.');
}

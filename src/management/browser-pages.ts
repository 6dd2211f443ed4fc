import { type Request, type Response, Router } from 'express';
import { SecondFactorError } from '../errors.js';
import { readField } from '../http/form.js';
import { handle } from '../http/handle.js';
import { type Complete, requireComplete, requireFresh } from '../login/guards.js';
import type { ManagementPages } from './pages.js';

/** The list of trusted browsers, and ending their trust. */
export function browserPages({
  gate,
  desk,
  settings,
  render,
  form,
}: Omit<ManagementPages, 'challenges' | 'flow'>): Router {
  const router = Router();
  // One address for both: whoever has to give a proof first comes back to the list.
  router.get('/browsers', handle(requireComplete(gate, settings)(show)));
  router.post('/browsers', form, handle(requireFresh(gate, settings)(revoke)));

  async function show(request: Request, response: Response, complete: Complete): Promise<void> {
    const { unknownBrowser } = settings.wordsFor(request).pages.common;
    const browsers = await desk.listBrowsers(request, complete);
    await render(request, response, 'management/browsers', {
      browsers: browsers.map(({ name, ...rest }) => ({ ...rest, name: name ?? unknownBrowser })),
    });
  }

  async function revoke(request: Request, response: Response, complete: Complete): Promise<void> {
    const id = readField(request, 'browser') ?? '';
    const count = await desk.revokeBrowsers(request, complete, id === 'all' ? null : id);
    if (id !== 'all' && count === 0)
      throw new SecondFactorError('not-found', 'There is no such trusted browser.');
    response.redirect(303, `${settings.paths.pages}/browsers`);
  }

  return router;
}

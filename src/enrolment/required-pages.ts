import { type Request, type Response, Router } from 'express';
import { describeFailure } from '../challenge/messages.js';
import { createStop } from '../challenge/stop.js';
import { handle } from '../http/handle.js';
import type { LoginDesk } from '../login/desk.js';
import type { LoginState } from '../login/gate.js';
import { pageOf } from '../login/guards.js';
import { countDaysLeft } from '../policy/grace.js';
import type { EnrolmentPages } from './pages.js';

export interface RequiredPages extends Omit<EnrolmentPages, 'desk'> {
  logins: LoginDesk;
}

/** What a login shows first that waits for a second factor to be set up: by when, and "Not now" while there is time. */
export function requiredPages({ gate, logins, settings, render, form }: RequiredPages): Router {
  const router = Router();
  const stop = createStop(settings, render);

  router.get('/required', handle(show));
  router.post('/later', handle(refuseAnonymous), form, handle(postpone));

  async function show(request: Request, response: Response): Promise<void> {
    const state = gate.state(request);
    if (state.kind !== 'enrolling') {
      sendAway(response, state);
      return;
    }
    const { enrolBy } = state.pending;
    const daysLeft = Math.max(0, countDaysLeft(enrolBy, settings.clock()));
    await render(request, response, 'enrolment/required', { enrolBy, daysLeft });
  }

  async function postpone(request: Request, response: Response): Promise<void> {
    const state = gate.state(request);
    if (state.kind !== 'enrolling') sendAway(response, state);
    else if (await logins.postpone(request, state.pending)) response.redirect(303, state.pending.returnTo);
    else await tellCompleted(request, response);
  }

  function sendAway(response: Response, state: Exclude<LoginState, { kind: 'enrolling' }>): void {
    const { paths } = settings;
    if (state.kind === 'complete') response.redirect(303, paths.pages);
    else response.redirect(303, state.kind === 'anonymous' ? paths.login : pageOf(state, settings));
  }

  /** A double click: the other request has renewed the session. */
  async function refuseAnonymous(request: Request, response: Response, next: () => void): Promise<void> {
    if (gate.state(request).kind !== 'anonymous') next();
    else await tellCompleted(request, response);
  }

  async function tellCompleted(request: Request, response: Response): Promise<void> {
    const { clock, wordsFor } = settings;
    await stop(request, response, describeFailure({ kind: 'completed' }, clock(), wordsFor(request)));
  }

  return router;
}

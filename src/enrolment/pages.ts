import { type Request, type RequestHandler, type Response, Router } from 'express';
import { MINUTE } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import { readField } from '../http/form.js';
import { handle } from '../http/handle.js';
import type { Render } from '../http/render.js';
import type { Gate } from '../login/gate.js';
import { type Complete, requireFresh } from '../login/guards.js';
import type { LoginDesk } from '../login/desk.js';
import { detachSession } from '../login/session.js';
import type { Settings } from '../settings.js';
import { groupKey } from '../totp/key-uri.js';
import { drawQr } from '../totp/qr.js';
import type { EnrolmentFlow } from './flow.js';

export interface EnrolmentPages {
  gate: Gate;
  logins: LoginDesk;
  flow: EnrolmentFlow;
  settings: Settings;
  render: Render;
  form: RequestHandler[];
}

const ERRORS = {
  malformed: 'Enter the 6 digits that your authenticator app shows.',
  wrong: 'That code is not right. Wait for the next one, and check that the clock of your phone is right.',
  expired: 'This set-up timed out. Scan the new code below; you can delete the old entry in your app.',
};

/** Setting up an authenticator: QR code, key and first code on one page. */
export function enrolmentPages({ gate, logins, flow, settings, render, form }: EnrolmentPages): Router {
  const router = Router();
  const fresh = requireFresh(gate, settings);

  router.get('/setup', handle(fresh(offer)));
  router.post('/setup', form, handle(fresh(confirm)));

  async function offer(request: Request, response: Response, complete: Complete): Promise<void> {
    if (await gate.hasSecondFactor(complete.stamp.userId)) {
      response.redirect(303, settings.paths.pages);
      return;
    }
    await refuseUnlessAllowed(complete.user);
    await show(request, response, complete);
  }

  async function confirm(request: Request, response: Response, complete: Complete): Promise<void> {
    await refuseUnlessAllowed(complete.user);
    const confirmation = await flow.confirm(complete.stamp, readField(request, 'code') ?? '');
    if (confirmation.kind === 'expired' && (await gate.hasSecondFactor(complete.stamp.userId))) {
      // A double click: the other request has turned it on, and its session is the one that goes on.
      detachSession(request);
      response.redirect(303, `${settings.paths.pages}/backup-codes`);
      return;
    }
    if (confirmation.kind !== 'enabled') {
      response.status(confirmation.kind === 'expired' ? 409 : 422);
      await show(request, response, complete, ERRORS[confirmation.kind]);
      return;
    }
    await logins.renew(request, complete, { epoch: confirmation.epoch });
    response.redirect(303, `${settings.paths.pages}/backup-codes`);
  }

  /** Only `true` is a yes; a sentence of the host's says why not. */
  async function refuseUnlessAllowed(user: Express.User): Promise<void> {
    const verdict = settings.user.mayEnrol ? await settings.user.mayEnrol(user) : true;
    if (verdict === true) return;
    const reason =
      typeof verdict === 'string' ? verdict : 'Two-step sign-in cannot be set up for this account.';
    throw new SecondFactorError('enrolment-refused', reason);
  }

  async function show(
    request: Request,
    response: Response,
    { user, stamp }: Complete,
    error?: string,
  ): Promise<void> {
    const label = gate.label(user);
    const { key, uri, parameters, expiresAt } = await flow.begin(stamp, label);
    await render(request, response, 'enrolment/setup', {
      title: 'Set up an authenticator app',
      key: groupKey(key),
      uri,
      qr: await drawQr(uri),
      digits: parameters.digits,
      period: parameters.period,
      algorithm: parameters.algorithm.replace('sha', 'SHA-'),
      label,
      minutes: Math.ceil((expiresAt - settings.clock()) / MINUTE),
      error,
    });
  }

  return router;
}

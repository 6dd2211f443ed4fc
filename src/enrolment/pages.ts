import { type Request, type RequestHandler, type Response, Router } from 'express';
import { MINUTE } from '../clock.js';
import { problemStatuses } from '../errors.js';
import { readField } from '../http/form.js';
import { handle } from '../http/handle.js';
import type { Render } from '../http/render.js';
import { samePathOnly } from '../http/return-to.js';
import type { Gate } from '../login/gate.js';
import { requireEnroller } from '../login/guards.js';
import type { Settings } from '../settings.js';
import { groupKey } from '../totp/key-uri.js';
import { cleanName } from '../totp/name.js';
import { type EnrolmentDesk, type Person, userIdOf } from './desk.js';
import { describeRefusal } from './messages.js';

export interface EnrolmentPages {
  gate: Gate;
  desk: EnrolmentDesk;
  settings: Settings;
  render: Render;
  form: RequestHandler;
}

/** Setting up an authenticator, the first or one more: QR code, key and first code on one page. */
export function enrolmentPages({ gate, desk, settings, render, form }: EnrolmentPages): Router {
  const router = Router();
  const enroller = requireEnroller(gate, settings);
  const { pages } = settings.paths;

  router.get('/setup', handle(enroller(offer)));
  router.post('/setup', form, handle(enroller(confirm)));

  async function confirm(request: Request, response: Response, person: Person): Promise<void> {
    const name = cleanName(readField(request, 'name') ?? '');
    const replaces = readField(request, 'replaces') || null;
    const returnTo = samePathOnly(readField(request, 'return_to'), settings.origin) ?? '';
    const confirmed = await desk.confirm(request, person, readField(request, 'code') ?? '', {
      name,
      replaces,
    });
    switch (confirmed.kind) {
      case 'enabled':
      case 'completed':
        response.redirect(303, `${pages}/backup-codes${whereTo(person, returnTo)}`);
        return;
      case 'added':
        response.redirect(303, returnTo || pages);
        return;
      default: {
        const { code, text } = describeRefusal(confirmed, settings.wordsFor(request));
        response.status(problemStatuses[code]);
        await show(request, response, person, replaces, { error: text, name: name ?? '', returnTo });
      }
    }
  }

  async function offer(request: Request, response: Response, person: Person): Promise<void> {
    const { replaces, return_to } = request.query;
    const returnTo = samePathOnly(return_to, settings.origin) ?? '';
    const replaced = typeof replaces === 'string' ? replaces : null;
    await show(request, response, person, replaced, { name: '', returnTo });
  }

  async function show(
    request: Request,
    response: Response,
    person: Person,
    replaces: string | null,
    sent: { error?: string; name: string; returnTo: string },
  ): Promise<void> {
    const isFirst = !(await gate.hasSecondFactor(userIdOf(person)));
    const { key, uri, qr, label, parameters, expiresAt } = await desk.offer(request, person, replaces);
    const kind = isFirst ? 'first' : replaces === null ? 'another' : 'replacement';
    await render(request, response, 'enrolment/setup', {
      kind,
      replaces: replaces ?? '',
      key: groupKey(key),
      uri,
      qr,
      digits: parameters.digits,
      period: parameters.period,
      algorithm: parameters.algorithm.replace('sha', 'SHA-'),
      label,
      minutes: Math.ceil((expiresAt - settings.clock()) / MINUTE),
      ...sent,
    });
  }

  return router;
}

/** The login, or what the set-up was asked for, goes on behind the page with the first backup codes. */
function whereTo(person: Person, returnTo: string): string {
  const target = person.kind === 'complete' ? returnTo : person.pending.returnTo;
  return target === '' ? '' : `?${new URLSearchParams({ return_to: target }).toString()}`;
}

import { type Request, type RequestHandler, type Response, Router } from 'express';
import { describeEvent, FEW_CODES } from '../audit/notices.js';
import { formatCode } from '../backup-codes/code.js';
import type { ChallengeDesk } from '../challenge/desk.js';
import { describeFailure } from '../challenge/messages.js';
import { setStatus } from '../challenge/stop.js';
import { MINUTE } from '../clock.js';
import { readField } from '../http/form.js';
import { handle } from '../http/handle.js';
import type { Render } from '../http/render.js';
import { samePathOnly } from '../http/return-to.js';
import { nameBrowser } from '../http/source.js';
import type { Gate } from '../login/gate.js';
import { type Complete, requireComplete, requireFresh } from '../login/guards.js';
import { FRESH_FOR } from '../limits.js';
import type { Settings } from '../settings.js';
import { describePolicy, refuseIfRequired } from '../policy/rule.js';
import { formatCursor, parseCursor } from './cursor.js';
import type { ManagementDesk } from './desk.js';
import type { ManagementFlow } from './flow.js';

export interface ManagementPages {
  gate: Gate;
  challenges: ChallengeDesk;
  desk: ManagementDesk;
  flow: ManagementFlow;
  settings: Settings;
  render: Render;
  form: RequestHandler;
}

/** The overview, the backup codes and turning off. */
export function managementPages({
  gate,
  challenges,
  desk,
  flow,
  settings,
  render,
  form,
}: ManagementPages): Router {
  const router = Router();
  const complete = requireComplete(gate, settings);
  const fresh = requireFresh(gate, settings);
  const { pages } = settings.paths;

  router.get('/', handle(complete(showOverview)));
  router.get('/activity', handle(complete(showActivity)));
  router.get('/backup-codes', handle(complete(showCodes)));
  router.get('/backup-codes/used', handle(complete(showLeft)));
  router.post('/backup-codes', form, handle(fresh(propose)));
  router.post('/backup-codes/saved', form, handle(complete(save)));
  router.post('/sign-out-elsewhere', form, handle(complete(signOutElsewhere)));
  router.get('/disable', handle(complete(askDisable)));
  router.post('/disable', form, handle(complete(disable)));

  async function showOverview(
    request: Request,
    response: Response,
    { user, stamp }: Complete,
  ): Promise<void> {
    const overview = await flow.overview(stamp.userId);
    await render(request, response, 'management/overview', {
      isSwitchedOff: !settings.enabled,
      areBrowsersTrusted: settings.trustedBrowsers !== undefined,
      homePath: settings.paths.home,
      fewCodes: FEW_CODES,
      ...overview,
      ...(await describePolicy(settings, user, overview)),
    });
  }

  async function showActivity(request: Request, response: Response, { stamp }: Complete): Promise<void> {
    const { events, next } = await flow.activity(stamp.userId, parseCursor(request.query['from']));
    await render(request, response, 'management/activity', {
      events: events.map((event) => ({
        at: event.at,
        text: describeEvent(event, settings.wordsFor(request)),
        browser: nameBrowser(event.browser),
        address: event.address,
      })),
      next: next ? formatCursor(next) : '',
    });
  }

  async function showCodes(request: Request, response: Response, { user, stamp }: Complete): Promise<void> {
    const { enabledAt, backupCodes } = await flow.overview(stamp.userId);
    if (enabledAt === null) {
      response.redirect(303, pages);
      return;
    }
    const readable = await flow.readCodes(stamp);
    const codes = readable?.codes.map(formatCode) ?? [];
    const label = gate.label(user);
    const { file } = settings.wordsFor(request).pages['management/backup-codes'];
    await render(request, response, 'management/backup-codes', {
      codes,
      label,
      now: settings.clock(),
      download: toTextFile(file.title(label, settings.issuer), file.worksOnce, codes),
      left: backupCodes?.left ?? 0,
      total: backupCodes?.total ?? 0,
      areFew: (backupCodes?.left ?? 0) <= FEW_CODES,
      usedAt: backupCodes?.usedAt ?? [],
      isRenewal: readable?.areLive === false,
      returnTo: samePathOnly(request.query['return_to'], settings.origin) ?? '',
    });
  }

  async function showLeft(request: Request, response: Response, { stamp }: Complete): Promise<void> {
    const { backupCodes } = await flow.overview(stamp.userId);
    await render(request, response, 'management/backup-code-used', {
      isSupportCode: request.query['kind'] === 'support',
      left: backupCodes?.left ?? 0,
      areFew: (backupCodes?.left ?? 0) <= FEW_CODES,
      minutes: FRESH_FOR / MINUTE,
      returnTo: samePathOnly(request.query['return_to'], settings.origin) ?? settings.paths.home,
    });
  }

  async function propose(_request: Request, response: Response, complete: Complete): Promise<void> {
    await desk.proposeCodes(complete);
    response.redirect(303, `${pages}/backup-codes`);
  }

  async function save(request: Request, response: Response, complete: Complete): Promise<void> {
    const isSaved = await desk.saveCodes(request, complete);
    const next = samePathOnly(readField(request, 'return_to'), settings.origin) ?? pages;
    response.redirect(303, isSaved ? next : `${pages}/backup-codes`);
  }

  async function signOutElsewhere(request: Request, response: Response, complete: Complete): Promise<void> {
    await desk.signOutElsewhere(request, complete);
    response.redirect(303, pages);
  }

  async function askDisable(request: Request, response: Response, { user, stamp }: Complete): Promise<void> {
    if (!(await gate.hasSecondFactor(stamp.userId))) {
      response.redirect(303, pages);
      return;
    }
    await refuseIfRequired(settings, user);
    await renderDisable(request, response);
  }

  async function disable(request: Request, response: Response, complete: Complete): Promise<void> {
    if (!(await gate.hasSecondFactor(complete.stamp.userId))) {
      response.redirect(303, pages);
      return;
    }
    const outcome = await challenges.disable(request, complete, readField(request, 'code'));
    if (outcome.kind === 'accepted') {
      response.redirect(303, pages);
      return;
    }
    const message = describeFailure(outcome, settings.clock(), settings.wordsFor(request));
    if (outcome.kind === 'exhausted') {
      response.redirect(303, settings.paths.login);
      return;
    }
    setStatus(response, message);
    await renderDisable(request, response, message.text);
  }

  async function renderDisable(request: Request, response: Response, error?: string): Promise<void> {
    await render(request, response, 'management/disable', { error });
  }

  return router;
}

/** Works as a download without JavaScript. */
function toTextFile(title: string, worksOnce: string, codes: readonly string[]): string {
  const text = [title, worksOnce, '', ...codes, ''].join('\n');
  return `data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString('base64')}`;
}

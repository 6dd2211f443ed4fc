import { Router } from 'express';
import type { z } from 'zod';
import { challengeApi } from './challenge/api.js';
import type { challengeOperations } from './challenge/operations.js';
import type { ChallengeDesk } from './challenge/desk.js';
import { challengePages } from './challenge/pages.js';
import type { ParkedRequests } from './challenge/parked-request.js';
import { resumePages } from './challenge/resume-pages.js';
import { enrolmentApi } from './enrolment/api.js';
import type { enrolmentOperations } from './enrolment/operations.js';
import type { EnrolmentDesk } from './enrolment/desk.js';
import { enrolmentPages } from './enrolment/pages.js';
import { requiredPages } from './enrolment/required-pages.js';
import { endpoint, mountEndpoints } from './http/endpoints.js';
import { readForm } from './http/form.js';
import { setApiHeaders, setPageHeaders } from './http/headers.js';
import { describeApi, showDescription } from './http/openapi.js';
import { checkMount, handleRefusal, serveAsset } from './http/pages.js';
import { createRender } from './http/render.js';
import type { ApiAccess } from './login/access.js';
import type { LoginDesk } from './login/desk.js';
import type { Gate } from './login/gate.js';
import type { Responder } from './login/respond.js';
import { managementApi } from './management/api.js';
import type { managementOperations } from './management/operations.js';
import { authenticatorPages } from './management/authenticator-pages.js';
import { browserApi } from './management/browser-api.js';
import type { browserOperations } from './management/browser-operations.js';
import { browserPages } from './management/browser-pages.js';
import type { ManagementDesk } from './management/desk.js';
import type { ManagementFlow } from './management/flow.js';
import { managementPages } from './management/pages.js';
import type { Settings } from './settings.js';

/** What both faces, pages and JSON API, work with. */
export interface Rooms {
  settings: Settings;
  gate: Gate;
  logins: LoginDesk;
  responder: Responder;
  challenges: ChallengeDesk;
  enrolments: EnrolmentDesk;
  management: ManagementDesk;
  managementFlow: ManagementFlow;
  access: ApiAccess;
  parked: ParkedRequests;
}

type Operations = typeof challengeOperations &
  typeof enrolmentOperations &
  typeof managementOperations &
  typeof browserOperations;

/**
 * The JSON API for typed clients: what is sent and answered, by `operationId`. `body` is `undefined` for a GET.
 * Answers that are no success are problem documents (RFC 9457).
 */
export type Api = {
  [Id in keyof Operations]: {
    body: Operations[Id] extends { body: z.ZodType<infer Body> } ? Body : undefined;
    answer: z.infer<Operations[Id]['answer']>;
  };
};

export function createPages(rooms: Rooms): Router {
  const { settings, gate, logins, challenges, enrolments, management, managementFlow, parked } = rooms;
  const { paths } = settings;
  const { issuer, csrf, wordsFor, timeZone, pages: looks } = settings;
  const render = createRender({
    ...{ issuer, csrf, wordsFor, timeZone },
    base: paths.pages,
    help: paths.help,
    stylesheet: looks.stylesheet,
    views: looks.views,
  });
  const face = { gate, settings, render, form: readForm(settings.origin) };
  const changes = { ...face, challenges, desk: management, flow: managementFlow };
  const router = Router();
  router.get('/style.css', serveAsset('style.css'));
  router.get('/script.js', serveAsset('script.js'));
  router.use(setPageHeaders(looks.contentSecurityPolicy), checkMount('pages', paths.pages, paths.prefix));
  router.use(
    challengePages({ ...face, logins, desk: challenges }),
    resumePages(gate, settings, parked, render),
  );
  router.use(enrolmentPages({ ...face, desk: enrolments }), requiredPages({ ...face, logins }));
  router.use(managementPages(changes), authenticatorPages(changes), browserPages(changes));
  router.use(handleRefusal(render, wordsFor, paths.home));
  return router;
}

export function createApi(rooms: Rooms): Router {
  const { settings, gate, logins, responder, challenges, enrolments, management, managementFlow, access } =
    rooms;
  const { paths } = settings;
  const endpoints = [
    ...challengeApi({ gate, logins, responder, access, desk: challenges, settings }),
    ...enrolmentApi(access, enrolments, settings.wordsFor),
    ...managementApi({ access, challenges, desk: management, flow: managementFlow, settings }),
    ...browserApi(access, management),
  ];
  const operations = [...endpoints.map(({ operation }) => operation), showDescription];
  const description = describeApi(operations, paths.api);
  const router = Router();
  router.use(setApiHeaders, checkMount('api', paths.api, paths.prefix));
  router.use(
    mountEndpoints(
      [...endpoints, endpoint(showDescription, access.anybody, () => Promise.resolve(description))],
      settings.origin,
    ),
  );
  return router;
}

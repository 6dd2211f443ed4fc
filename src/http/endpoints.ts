import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import { RETRY_AFTER, SecondFactorError } from '../errors.js';
import { judgeSender, refuseForgedCall } from './csrf.js';
import { handle } from './handle.js';
import { readJson } from './json.js';
import type { Operation } from './operation.js';
import { Problem, send, sendProblem } from './problem.js';

/** A call that was let in. */
export interface Call<Access, Body> {
  request: Request;
  response: Response;
  access: Access;
  body: Body;
}

/** Whom an operation answers. */
export type Admit<Access> = (request: Request, userId: string) => Promise<Access | Problem>;

/** An operation with what it does. */
export interface Endpoint {
  operation: Operation;
  run: (request: Request, response: Response, origin: string) => Promise<object>;
}

/**
 * Joins an operation, whom it answers, and what it does. Who may call is decided before anything of the call is looked at,
 * so that it tells nobody what is right and wrong with a call of somebody else's.
 */
export function endpoint<Access extends object, Body, Answer extends object>(
  operation: Operation<Body, Answer>,
  admit: Admit<Access>,
  answer: (call: Call<Access, Body>) => Promise<Answer | Problem>,
): Endpoint {
  return {
    operation,
    async run(request, response, origin) {
      judgeSender(request, origin);
      const access = await admit(request, String(request.params['user_id'] ?? ''));
      if (access instanceof Problem) return access;
      if (operation.method === 'post') refuseForgedCall(request, origin);
      const schema = operation.body;
      const body = schema ? await readJson(request, response, schema) : (undefined as Body);
      return answer({ request, response, access, body });
    },
  };
}

/** Mounts endpoints; other methods of their paths are 405, other paths 404. */
export function mountEndpoints(endpoints: readonly Endpoint[], origin: string): Router {
  const router = Router();
  for (const path of new Set(endpoints.map(({ operation }) => operation.path))) {
    const route = router.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    const here = endpoints.filter(({ operation }) => operation.path === path);
    for (const { operation, run } of here) {
      route[operation.method](
        handle(async (request, response) => {
          const result = await run(request, response, origin);
          if (result instanceof Problem) sendProblem(request, response, result);
          else send(request, response, result);
        }),
      );
    }
    route.all(refuseMethod(here.map(({ operation }) => operation.method)));
  }
  router.use((request, response) => {
    sendProblem(request, response, new Problem('not-found', 'There is nothing at this address.'));
  });
  router.use(answerError);
  return router;
}

function refuseMethod(methods: readonly Operation['method'][]): RequestHandler {
  const allow = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : ['POST'])).join(', ');
  return (request, response) => {
    response.set('Allow', allow);
    sendProblem(request, response, new Problem('method-not-allowed', `Use ${allow} here.`));
  };
}

/** Faults of the set-up and the host's own errors go on to the host's error handler. */
const answerError: ErrorRequestHandler = (error: unknown, request, response, next) => {
  const problem = toProblem(error);
  if (!problem || response.headersSent) next(error);
  else sendProblem(request, response, problem);
};

function toProblem(error: unknown): Problem | undefined {
  // Express's own, of a path that is not encoded as it must be.
  if (error instanceof URIError) return new Problem('request-invalid', 'This address cannot be read.');
  if (!(error instanceof SecondFactorError) || error.status === 500) return undefined;
  if (error.status < 500) return new Problem(error.code, error.message);
  return new Problem(error.code, 'The second factor cannot be used right now. Try again soon.', {
    retry_after: RETRY_AFTER,
  });
}

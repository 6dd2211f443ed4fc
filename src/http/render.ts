import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import type { Request, Response } from 'express';
import type { PageLocals, ViewName, Views } from '../views.js';
import { formToken, TOKEN_FIELD } from './csrf.js';

/** For hosts whose own CSRF middleware stands above the pages: their forms carry its token beside ours. */
export interface CsrfOptions {
  /** Name of the field that the middleware reads, e.g. `_csrf`. */
  field: string;
  token(request: Request, response: Response): string | Promise<string>;
}

export const viewsFolder = fileURLToPath(new URL('../../views', import.meta.url));

export type Render = <Name extends ViewName>(
  request: Request,
  response: Response,
  view: Name,
  locals: Views[Name] & Pick<PageLocals, 'title' | 'error'>,
) => Promise<void>;

/** Renders our views with EJS, whatever view engine the host has. Compiled once, then cached. */
export function createRender(issuer: string, base: string, host: CsrfOptions | undefined): Render {
  async function findHiddenFields(request: Request, response: Response): Promise<PageLocals['hiddenFields']> {
    const ours = { name: TOKEN_FIELD, value: formToken(request) };
    return host ? [ours, { name: host.field, value: await host.token(request, response) }] : [ours];
  }

  return async (request, response, view, locals) => {
    const hiddenFields = await findHiddenFields(request, response);
    const page: PageLocals = { ...locals, issuer, base, hiddenFields };
    const html = await ejs.renderFile(
      `${viewsFolder}/${view}.ejs`,
      { error: undefined, ...locals, ...page },
      { cache: true },
    );
    response.type('html').send(html);
  };
}

import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import type { Request, Response } from 'express';
import type { PageLocals, ViewName, Views } from '../views.js';
import { formToken } from './csrf.js';

export const viewsFolder = fileURLToPath(new URL('../../views', import.meta.url));

export type Render = <Name extends ViewName>(
  request: Request,
  response: Response,
  view: Name,
  locals: Views[Name] & Pick<PageLocals, 'title' | 'error'>,
) => Promise<void>;

/** Renders our views with EJS, whatever view engine the host has. Compiled once, then cached. */
export function createRender(issuer: string, base: string): Render {
  return async (request, response, view, locals) => {
    const page: PageLocals = { ...locals, issuer, base, token: formToken(request) };
    const html = await ejs.renderFile(
      `${viewsFolder}/${view}.ejs`,
      { error: undefined, ...locals, ...page },
      { cache: true },
    );
    response.type('html').send(html);
  };
}

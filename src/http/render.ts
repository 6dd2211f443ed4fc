import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import type { Request, Response } from 'express';
import { SecondFactorError } from '../errors.js';
import type { Texts } from '../texts/texts.js';
import type { PageLocals, ViewName, Views } from '../views.js';
import { formToken, TOKEN_FIELD } from './csrf.js';
import type { ChooseLanguage } from './language.js';

/** For hosts whose own CSRF middleware stands above the pages: their forms carry its token beside ours. */
export interface CsrfOptions {
  /** Name of the field that the middleware reads, e.g. `_csrf`. */
  field: string;
  /** The token of that middleware for this session. */
  token(request: Request, response: Response): string | Promise<string>;
}

/** What a view of this name gets: `words` are its own, `common` those of all. */
export type Locals<Name extends ViewName> = PageLocals &
  Views[Name] & { words: Texts['pages'][Name]; common: Texts['pages']['common'] };

/** `content` is the HTML of the page inside of the layout, `view` the name of its view. */
export type LayoutLocals = PageLocals & {
  view: ViewName;
  content: string;
  common: Texts['pages']['common'];
};

/** Path of an EJS file, or a function that returns HTML; what it puts in it, it escapes. */
type Override<Given> =
  string | ((locals: Given, request: Request, response: Response) => string | Promise<string>);

/** Views of the host's by name, and `layout` around all of them (docs/customising.md). */
export type ViewOverrides = { [Name in ViewName]?: Override<Locals<Name>> } & {
  layout?: Override<LayoutLocals>;
};

export type Render = <Name extends ViewName>(
  request: Request,
  response: Response,
  view: Name,
  locals: Views[Name] & { error?: string | undefined },
) => Promise<void>;

export interface RenderOptions {
  issuer: string;
  base: string;
  help: string | undefined;
  csrf: CsrfOptions | undefined;
  wordsFor: ChooseLanguage;
  timeZone: string;
  stylesheet: string | undefined;
  views: ViewOverrides | undefined;
}

type Write = (locals: object, request: Request, response: Response) => string | Promise<string>;

export const viewsFolder = fileURLToPath(new URL('../../views', import.meta.url));

export const viewNames = [
  'layout',
  'challenge/code',
  'challenge/password',
  'challenge/resume',
  'challenge/stopped',
  'enrolment/required',
  'enrolment/setup',
  'management/overview',
  'management/activity',
  'management/backup-codes',
  'management/backup-code-used',
  'management/browsers',
  'management/disable',
  'management/rename',
  'management/remove',
  'error',
] as const satisfies readonly (ViewName | 'layout')[];

/**
 * Renders our views, or the host's in their place, whatever view engine the host has. Each is read and compiled here, once.
 * @throws SecondFactorError `configuration-invalid` where a file of the host's cannot be used.
 */
export function createRender(options: RenderOptions): Render {
  const { issuer, base, help, csrf, wordsFor, timeZone, stylesheet, views = {} } = options;
  const writers = new Map<string, Write>(
    viewNames.map((name) => [name, prepare(name, views[name] as string | Write | undefined)]),
  );
  const times = new Map<string, Intl.DateTimeFormat>();

  function formatTime(locale: string, at: number): string {
    let format = times.get(locale);
    if (!format) times.set(locale, (format = createTimeFormat(locale, timeZone)));
    return format.format(at);
  }

  async function write(name: string, locals: object, request: Request, response: Response): Promise<string> {
    const html: unknown = await writers.get(name)?.(locals, request, response);
    if (typeof html === 'string') return html;
    throw new SecondFactorError(
      'configuration-invalid',
      `options.pages.views["${name}"] must return a string.`,
    );
  }

  return async (request, response, view, given) => {
    const { locale, direction, pages } = wordsFor(request);
    const { common } = pages;
    const words = pages[view] as { title: (page: object) => string };
    const page: PageLocals = {
      title: words.title(given),
      issuer,
      base,
      hiddenFields: await findHiddenFields(request, response, csrf),
      error: given.error,
      language: locale,
      direction,
      formatTime: (at) => formatTime(locale, at),
      help,
      stylesheet,
    };
    const content = await write(view, { ...given, ...page, words, common }, request, response);
    const layout = { ...page, view, common, content: `<div class="second-factor">${content}</div>` };
    const html = await write('layout', layout, request, response);
    response.set('Content-Language', locale).type('html').send(html);
  };
}

async function findHiddenFields(
  request: Request,
  response: Response,
  csrf: CsrfOptions | undefined,
): Promise<PageLocals['hiddenFields']> {
  const ours = { name: TOKEN_FIELD, value: formToken(request) };
  return csrf ? [ours, { name: csrf.field, value: await csrf.token(request, response) }] : [ours];
}

/** Files find what they include beside themselves, else among our views. */
function prepare(name: string, override: string | Write | undefined): Write {
  if (typeof override === 'function') return override;
  const filename = override ?? `${viewsFolder}/${name}.ejs`;
  try {
    return ejs.compile(readFileSync(filename, 'utf8'), { filename, views: [viewsFolder], cache: true });
  } catch (cause) {
    throw new SecondFactorError(
      'configuration-invalid',
      `options.pages.views["${name}"]: the file "${filename}" cannot be read or is no EJS.`,
      { cause },
    );
  }
}

function createTimeFormat(locale: string, timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone,
  });
}

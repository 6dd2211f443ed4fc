import type { Request } from 'express';
import type { Languages } from '../texts/languages.js';
import type { Texts } from '../texts/texts.js';

/** Picks the language of a request. */
export type ChooseLanguage = (request: Request) => Texts;

/** The host's choice, else what the browser asks for (`Accept-Language`), else the first language. */
export function createLanguageChoice(
  languages: Languages,
  host: { choose?: (request: Request) => string | undefined } = {},
): ChooseLanguage {
  return (request) => {
    const chosen = host.choose?.(request) ?? request.acceptsLanguages([...languages.tags]);
    return languages.get(chosen || languages.tags[0]);
  };
}

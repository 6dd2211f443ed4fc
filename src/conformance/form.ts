import type { Answer, Browser } from './browser.js';
import { decode, type Fields, readHidden } from './html.js';
import type { CodeForm, Form } from './manifest.js';
import { arrange } from './verdict.js';

/** How a form is sent, where a check wants it otherwise than a browser would. */
export interface Twist {
  headers?: Fields;
  /** Changes what is sent; `hidden` are the page's hidden inputs, `fields` all of them together. */
  fields?: (fields: Fields, hidden: Fields) => Fields;
}

/** A form whose page is open. */
export interface OpenForm {
  page: Answer | undefined;
  send: () => Promise<Answer>;
}

/** Opens a form's page. */
export async function openForm(
  browser: Browser,
  form: Form,
  values: Fields,
  twist: Twist = {},
): Promise<OpenForm> {
  const page = form.page === undefined ? undefined : await browser.open(fillText(form.page, values));
  return { page, send: prepareForm(browser, form, page, values, twist) };
}

/** @returns what sends the form as the page has it. */
export function prepareForm(
  browser: Browser,
  form: Form,
  page: Answer | undefined,
  values: Fields,
  twist: Twist,
): () => Promise<Answer> {
  const hidden = page ? readHidden(page.text, form.path, page.url.href) : {};
  const all = { ...hidden, ...fill(form.fields, values) };
  const fields = twist.fields ? twist.fields(all, hidden) : all;
  const headers = {
    ...readCsrf(browser, page?.text ?? ''),
    ...fill(form.headers, values),
    ...twist.headers,
  };
  const path = fillText(form.path, values);
  return () => (form.json ? browser.postJson(path, fields, headers) : browser.post(path, fields, headers));
}

/** The token that goes into a header, out of the page or a cookie. */
function readCsrf(browser: Browser, page: string): Fields {
  const { csrf } = browser.site;
  if (!csrf) return {};
  const read = csrf.pattern === undefined ? undefined : new RegExp(csrf.pattern).exec(page)?.[1];
  const value = read === undefined ? browser.cookies().get(csrf.cookie ?? '') : decode(read);
  return value === undefined ? {} : { [csrf.header]: decodeURIComponent(value) };
}

export function withCode(form: CodeForm, code: string): Form {
  return { ...form, fields: { ...form.fields, [form.field]: code } };
}

export function holds({ text }: Answer, contains: string | undefined, values: Fields): boolean {
  return contains === undefined || decode(text).includes(fillText(contains, values));
}

export function fill(fields: Fields, values: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, fillText(text, values)]));
}

/** Puts values in the place of `{{name}}`. */
export function fillText(text: string, values: Fields): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    arrange(
      values[name] !== undefined,
      `{{${name}}} stands for nothing here. Known are: ${Object.keys(values).join(', ')}.`,
    );
    return values[name];
  });
}

/** A path with one more parameter. */
export function addQuery(path: string, name: string, value: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`;
}

export function findCodes(html: string, pattern: string): string[] {
  return [...html.matchAll(new RegExp(pattern, 'g'))].map((match) => decode(match[1] ?? '').trim());
}

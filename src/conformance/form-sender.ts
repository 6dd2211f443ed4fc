import { type Answer, Browser, type Site } from './browser.js';
import { holds, openForm, type Twist, withCode } from './form.js';
import type { Fields } from './html.js';
import { type CodeForm, type Form, type FormPart, formOf, type Manifest } from './manifest.js';
import type { Person } from './person.js';
import { arrange, skip } from './verdict.js';

/** What came of a form, in words: which place of the manifest was answered with which status. */
interface Attempt {
  answer: Answer;
  story: string;
}

/** Sends the forms that the manifest describes, as a browser would. */
export class FormSender {
  readonly manifest: Manifest;
  readonly #site: Site;

  constructor(manifest: Manifest) {
    this.manifest = manifest;
    const { baseUrl, origin, headers, csrf } = manifest;
    this.#site = { base: new URL(baseUrl), origin: origin ?? baseUrl, headers, csrf };
  }

  browser(): Browser {
    return new Browser(this.#site);
  }

  has(part: FormPart): boolean {
    return formOf(this.manifest, part) !== undefined;
  }

  /** Sends a form of the manifest as a browser would, whatever comes. */
  async attempt(
    browser: Browser,
    person: Person,
    part: FormPart,
    code = '',
    twist: Twist = {},
  ): Promise<Attempt> {
    const form = formOf(this.manifest, part);
    if (!form) skip(`the manifest has no \`${part}\``);
    const whole = 'field' in form ? withCode(form, code) : form;
    const { page, send } = await openForm(browser, whole, { ...person.values(), code }, twist);
    const answer = await send();
    // Where its page is not there, the form's token is not either.
    const [place, path, status] =
      page !== undefined && page.status >= 400 && answer.status >= 400
        ? [`${part}.page`, page.url.pathname, page.status]
        : [part, form.path, answer.status];
    return { answer, story: `\`${place}\` (${path}) was answered with ${status}` };
  }

  /** Sends a form of the manifest as its user would, where that must work. @throws Verdict `unclear` where it is refused. */
  async act(browser: Browser, person: Person, part: FormPart, code = ''): Promise<Answer> {
    const { answer, story } = await this.attempt(browser, person, part, code);
    arrange(
      answer.status < 400,
      `${story}. Correct \`${part}\` (path, fields, or page where the form has a token).`,
    );
    return answer;
  }

  submitCode(
    browser: Browser,
    form: CodeForm,
    person: Person,
    code: string,
    twist: Twist = {},
  ): Promise<Answer> {
    return this.submit(browser, withCode(form, code), { ...person.values(), code }, twist);
  }

  /** Opens a form's page, then sends the form as a browser would. */
  async submit(browser: Browser, form: Form, values: Fields, twist: Twist = {}): Promise<Answer> {
    return (await openForm(browser, form, values, twist)).send();
  }

  /** Opens the pages in advance, so that all the answers leave in the same instant. */
  async answerAtOnce(
    browsers: readonly Browser[],
    person: Person,
    codes: readonly string[],
    form: CodeForm = this.manifest.challenge,
  ): Promise<Answer[]> {
    const senders = await Promise.all(
      browsers.map((browser, index) =>
        this.loadCode(browser, form, person, codes[index % codes.length] ?? ''),
      ),
    );
    return Promise.all(senders.map((send) => send()));
  }

  /** Opens a form's page, and returns what sends the form. */
  async loadCode(
    browser: Browser,
    form: CodeForm,
    person: Person,
    code: string,
  ): Promise<() => Promise<Answer>> {
    return (await openForm(browser, withCode(form, code), { ...person.values(), code })).send;
  }

  async isSignedIn(browser: Browser, person: Person): Promise<boolean> {
    const { path, status, contains } = this.manifest.signedIn;
    const answer = await browser.get(path);
    return answer.status === status && holds(answer, contains, person.values());
  }
}

import { createVirtualAuthenticator } from 'passport-second-factor/testing';

export interface Answered {
  status: number;
  /** Path of a redirect; the whole address where it leads elsewhere. */
  location: string | null;
  contentType: string;
  text: string;
}

/** What a person keeps of a second factor. */
export interface KeptFactor {
  code(steps?: number): string;
  backupCodes: string[];
}

export interface Visiting {
  /** Told of every answer and of how many milliseconds it took. */
  watch?: (method: string, path: string, answered: Answered, time: number) => void;
  /** Goes from node to node with every request, as behind a balancer. Default: the first, where none is named. */
  balanced?: boolean;
}

/** Somebody with a browser, without the browser: cookies, pages and forms over real HTTP, to any of several nodes. */
export class Visitor {
  readonly #cookies = new Map<string, string>();

  #requests = 0;

  constructor(
    private readonly nodes: readonly string[],
    private readonly visiting: Visiting = {},
  ) {}

  /** Another visitor with the same cookies, as a second tab or a thief has them. */
  copy(): Visitor {
    const twin = new Visitor(this.nodes, this.visiting);
    for (const [name, value] of this.#cookies) twin.#cookies.set(name, value);
    return twin;
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  /** Sets a cookie by hand, or throws it away. */
  setCookie(name: string, value: string | undefined): void {
    if (value === undefined) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }

  get(path: string, node?: number, headers: Record<string, string> = {}): Promise<Answered> {
    return this.#send(path, node, { method: 'GET', headers });
  }

  /** All hidden fields of the form on a page that is sent to `action`; of the first form where none names it. */
  async hidden(page: string, action = page): Promise<Record<string, string>> {
    const { text, status } = await this.get(page);
    const fields = readHidden(text, action);
    if (fields === undefined)
      throw new Error(`${page} has no form (${String(status)}): is anybody signed in?`);
    return fields;
  }

  /** Opens the page, then posts its form with everything hidden in it. */
  async submit(path: string, fields: Record<string, string>, page = path): Promise<Answered> {
    return this.post(path, { ...(await this.hidden(page, path)), ...fields });
  }

  post(path: string, fields: Record<string, string> | [string, string][], node?: number): Promise<Answered> {
    return this.#send(path, node, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** Registers, which signs in. */
  async register(username: string): Promise<void> {
    const fields = { username, email: emailOf(username), password: passwordOf(username) };
    await this.submit('/register', fields);
  }

  signIn(username: string, fields: Record<string, string> = {}): Promise<Answered> {
    return this.submit('/login', { username, password: passwordOf(username), ...fields });
  }

  /** Sets up an authenticator with the present code, and keeps what a person keeps. */
  async setUp(): Promise<KeptFactor> {
    const setup = await this.get('/two-factor/setup');
    const key = /id="setup-key">([^<]+)</.exec(setup.text)?.[1] ?? '';
    const { code } = createVirtualAuthenticator().add(key);
    const hidden = readHidden(setup.text, '/two-factor/setup');
    await this.post('/two-factor/setup', { ...hidden, code: code() });
    const backupCodes = await this.readBackupCodes();
    await this.submit('/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
    return { code, backupCodes };
  }

  /** The set that is shown and not saved yet. */
  async readBackupCodes(): Promise<string[]> {
    const { text } = await this.get('/two-factor/backup-codes');
    return [...text.matchAll(/class="backup-code">([^<]+)</g)].map(([, code = '']) => code);
  }

  /** Answers the challenge of a held login. */
  answer(code: string): Promise<Answered> {
    return this.submit('/two-factor/challenge', { code });
  }

  async isSignedIn(): Promise<boolean> {
    return (await this.get('/account')).status === 200;
  }

  async #send(path: string, node: number | undefined, init: RequestInit): Promise<Answered> {
    const turn = node ?? (this.visiting.balanced ? this.#requests++ : 0);
    const base = this.nodes[turn % this.nodes.length] ?? '';
    const start = performance.now();
    const cookies = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(base + path, {
      ...init,
      redirect: 'manual',
      headers: { Accept: 'text/html', ...(init.headers as Record<string, string>), Cookie: cookies },
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    const location = response.headers.get('Location');
    const answered = {
      status: response.status,
      location: location?.startsWith(base) ? location.slice(base.length) : location,
      contentType: response.headers.get('Content-Type') ?? '',
      text: await response.text(),
    };
    this.visiting.watch?.(String(init.method), path, answered, performance.now() - start);
    return answered;
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/; Expires=Thu, 01 Jan 1970/.test(line)) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

/** @returns `undefined` where the page has no form. */
function readHidden(html: string, action: string): Record<string, string> | undefined {
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)];
  const form = forms.find(([, attributes = '']) => attributes.includes(`action="${action}"`)) ?? forms[0];
  if (!form) return undefined;
  const inputs = [...(form[2] ?? '').matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)];
  return Object.fromEntries(
    inputs.map(([input]) => [
      /\bname="([^"]*)"/.exec(input)?.[1] ?? '',
      /\bvalue="([^"]*)"/.exec(input)?.[1] ?? '',
    ]),
  );
}

export function passwordOf(username: string): string {
  return `${username} has a long password`;
}

export function emailOf(username: string): string {
  return `${username}@service.example`;
}

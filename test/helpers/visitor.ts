import { readFormToken, totpCode } from 'passport-second-factor/testing';

export interface Answered {
  status: number;
  /** Path of a redirect. */
  location: string | null;
  text: string;
}

/** Somebody with a browser, without the browser: cookies, pages and forms over real HTTP, to any of several nodes. */
export class Visitor {
  #cookie = '';

  constructor(private readonly nodes: readonly string[]) {}

  /** Another visitor with the same cookies, as a second tab or a thief has them. */
  copy(): Visitor {
    const twin = new Visitor(this.nodes);
    twin.#cookie = this.#cookie;
    return twin;
  }

  get(path: string, node = 0): Promise<Answered> {
    return this.#send(path, node, { method: 'GET' });
  }

  async token(path: string): Promise<string> {
    return readFormToken((await this.get(path)).text);
  }

  /** Opens the page for its token, then posts the form. */
  async submit(path: string, fields: Record<string, string>, page = path): Promise<Answered> {
    return this.post(path, { _csrf: await this.token(page), ...fields });
  }

  post(path: string, fields: Record<string, string>, node = 0): Promise<Answered> {
    return this.#send(path, node, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** Registers, which signs in. */
  async register(username: string): Promise<void> {
    const fields = { username, email: `${username}@service.example`, password: passwordOf(username) };
    await this.submit('/register', fields);
  }

  signIn(username: string): Promise<Answered> {
    return this.submit('/login', { username, password: passwordOf(username) });
  }

  /** Sets up an authenticator with the present code, and keeps what a person keeps. */
  async setUp(): Promise<{ code(steps?: number): string; backupCodes: string[] }> {
    const setup = await this.get('/two-factor/setup');
    const key = /id="setup-key">([^<]+)</.exec(setup.text)?.[1] ?? '';
    const code = (steps = 0): string => totpCode(key, Date.now() + steps * 30_000);
    await this.post('/two-factor/setup', { _csrf: readFormToken(setup.text), code: code() });
    const page = await this.get('/two-factor/backup-codes');
    const backupCodes = [...page.text.matchAll(/class="backup-code">([^<]+)</g)].map(
      (match) => match[1] ?? '',
    );
    await this.submit('/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
    return { code, backupCodes };
  }

  async isSignedIn(): Promise<boolean> {
    return (await this.get('/account')).status === 200;
  }

  async #send(path: string, node: number, init: RequestInit): Promise<Answered> {
    const base = this.nodes[node % this.nodes.length] ?? '';
    const response = await fetch(base + path, {
      ...init,
      redirect: 'manual',
      headers: { Cookie: this.#cookie },
    });
    const cookie = response.headers.getSetCookie().find((line) => line.startsWith('sid='));
    if (cookie !== undefined) this.#cookie = cookie.split(';', 1)[0] ?? '';
    return {
      status: response.status,
      location: response.headers.get('Location'),
      text: await response.text(),
    };
  }
}

function passwordOf(username: string): string {
  return `${username} has a long password`;
}

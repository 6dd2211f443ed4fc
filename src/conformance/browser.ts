import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type Fields, readHidden } from './html.js';

/** The application under test, as requests need to know it. */
export interface Site {
  base: URL;
  /** What a browser would send as `Origin`. */
  origin: string;
  /** Sent with every request. */
  headers: Fields;
  csrf: { header: string; pattern?: string | undefined; cookie?: string | undefined } | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Where it redirects to, whole. */
  location: URL | undefined;
  url: URL;
  text: string;
}

export interface Sending {
  method?: string;
  headers?: Fields;
  body?: string;
}

const patience = 30_000;

/** A browser without a window: cookies, pages and forms. It talks to one site alone, wherever a link leads. */
export class Browser {
  readonly site: Site;
  readonly #cookies: Map<string, string>;
  /** The last `Set-Cookie` line of each name. */
  readonly cookieLines = new Map<string, string>();

  constructor(site: Site, cookies: Iterable<[string, string]> = []) {
    this.site = site;
    this.#cookies = new Map(cookies);
  }

  /** Another browser with the same cookies, as a thief or a second tab has them. */
  copy(): Browser {
    return new Browser(this.site, this.#cookies);
  }

  cookies(): ReadonlyMap<string, string> {
    return this.#cookies;
  }

  setCookie(name: string, value: string | undefined): void {
    if (value === undefined) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }

  get(path: string, headers: Fields = {}): Promise<Answer> {
    return this.send(path, { headers });
  }

  /** Opens a page as a person does, going where it redirects to. */
  async open(path: string): Promise<Answer> {
    return this.follow(await this.get(path));
  }

  async follow(answer: Answer): Promise<Answer> {
    let last = answer;
    for (let hops = 0; hops < 5 && last.location && this.isOwn(last.location); hops += 1) {
      last = await this.get(last.location.pathname + last.location.search);
    }
    return last;
  }

  isOwn({ origin }: URL): boolean {
    return origin === this.site.base.origin || origin === this.site.origin;
  }

  /** The hidden inputs of a page's form. */
  async hidden(page: string, path: string): Promise<Fields> {
    const { text, url } = await this.open(page);
    return readHidden(text, path, url.href);
  }

  post(path: string, fields: Fields, headers: Fields = {}): Promise<Answer> {
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return this.send(path, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { ...type, ...headers },
    });
  }

  postJson(path: string, body: unknown, headers: Fields = {}): Promise<Answer> {
    const type = { 'Content-Type': 'application/json', Accept: 'application/json' };
    return this.send(path, { method: 'POST', body: JSON.stringify(body), headers: { ...type, ...headers } });
  }

  /** One request; a header given as '' is left out. @throws where no answer comes. */
  async send(path: string, { method = 'GET', headers = {}, body }: Sending = {}): Promise<Answer> {
    const { base, origin } = this.site;
    const url = new URL(path, base);
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = {
      'User-Agent': 'second-factor-conformance',
      Accept: 'text/html,application/xhtml+xml',
      'Sec-Fetch-Site': 'same-origin',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Dest': 'document',
      Origin: method === 'GET' ? '' : origin,
      Cookie: cookie,
      'Content-Length': body === undefined ? '' : String(Buffer.byteLength(body)),
      ...this.site.headers,
      ...headers,
    };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
    const answer = await exchange(url, method, sent, body);
    for (const line of answer.headers['set-cookie'] ?? []) this.#keep(line);
    return answer;
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';');
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    const isOver = attributes.some((attribute) => {
      const [key = '', value = ''] = attribute.trim().split(/=(.*)/s);
      if (/^max-age$/i.test(key)) return Number(value) <= 0;
      // Far enough in the past that no clock is needed to see it.
      return /^expires$/i.test(key) && Date.parse(value) < Date.UTC(2001, 0, 1);
    });
    this.cookieLines.set(name, line);
    this.setCookie(name, isOver ? undefined : pair.slice(at + 1).trim());
  }
}

function exchange(url: URL, method: string, headers: Fields, body?: string): Promise<Answer> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // A connection for each request: what is sent in parallel arrives in parallel.
    const request = send(url, { method, headers, agent: false, timeout: patience }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const to = response.headers.location;
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          location: to !== undefined && URL.canParse(to, url.href) ? new URL(to, url) : undefined,
          url,
          text: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${patience / 1000} s`)));
    request.on('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.message === '' ? cause.code : cause.message;
      reject(new Error(`${method} ${url.pathname} got no answer (${reason ?? 'unknown'})`, { cause }));
    });
    request.end(body);
  });
}

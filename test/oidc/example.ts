import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { totpCode } from 'passport-second-factor/testing';
import supertest from 'supertest';

const main = fileURLToPath(new URL('../../examples/oidc-provider/main.js', import.meta.url));

/** What the example calls its levels. */
export const ACR = { oneFactor: 'urn:example:one-factor', twoFactors: 'urn:example:two-factors' };

/** `claims` of a request that wants this level or an error. */
export function essential(...values: string[]): string {
  return JSON.stringify({ id_token: { acr: { essential: true, values } } });
}

/** Lets another process be told how far its clock is ahead. */
const settableClock = `data:text/javascript,
  const now = Date.now;
  let ahead = 0;
  Date.now = () => now() + ahead;
  process.on('message', (time) => { ahead = time; process.send('set'); });`;

/** `examples/oidc-provider` as a process of its own, with a clock that can be set. */
export class OidcExample {
  #ahead = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly shop: string,
    readonly identity: string,
  ) {}

  static async start(): Promise<OidcExample> {
    const child = spawn(process.execPath, ['--import', settableClock, main], {
      env: { PATH: process.env['PATH'] ?? '', PORT: '0' },
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    });
    for await (const line of createInterface({ input: child.stdout! })) {
      const [shop, identity] = line.match(/http:\/\/localhost:\d+/g) ?? [];
      if (shop !== undefined && identity !== undefined) return new OidcExample(child, shop, identity);
    }
    throw new Error('The example did not start.');
  }

  now(): number {
    return Date.now() + this.#ahead;
  }

  async advance(time: number): Promise<void> {
    this.#ahead += time;
    const set = once(this.child, 'message');
    this.child.send(this.#ahead);
    await set;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill();
    await exited;
  }
}

/** The claims of an ID token. */
export interface Claims {
  sub: string;
  acr?: string;
  amr?: string[];
  auth_time?: number;
}

type Agent = ReturnType<typeof supertest.agent>;

/** Somebody with a browser: one set of cookies, redirects followed over both applications. */
export class Person {
  readonly #agents = new Map<string, Agent>();
  #key = '';
  /** Where the browser is. */
  url: string;
  text = '';
  status = 0;
  /** Every address since the last click. */
  trail: string[] = [];

  constructor(
    private readonly example: OidcExample,
    readonly name: string,
  ) {
    this.url = example.shop;
  }

  get path(): string {
    return new URL(this.url).pathname;
  }

  /** @param until stops at the first address that begins like this, and does not open it. */
  async open(address: string, until?: string): Promise<void> {
    this.trail = [];
    await this.#follow(new URL(address, this.url).href, until);
  }

  /** Sends the form with this action, all that is hidden in it included. */
  async send(action: string, fields: Record<string, string> = {}, until?: string): Promise<void> {
    this.trail = [];
    const forms = [...this.text.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>[^]*?<\/form>/g)];
    const form = forms.find(([, target = '']) => new URL(target, this.url).pathname.startsWith(action));
    if (!form) throw new Error(`${this.url} has no form for ${action}:\n${this.text}`);
    const target = new URL(form[1] ?? '', this.url);
    const answer = await this.#agent(target)
      .post(target.pathname + target.search)
      .redirects(0)
      .type('form')
      .set('Origin', target.origin)
      .send({ ...readHidden(form[0]), ...fields });
    await this.#arrive(target.href, answer, until);
  }

  /** Opens the link of the shop that asks for this. */
  askFor(parameters: Record<string, string> = {}, until?: string): Promise<void> {
    return this.open(`${this.example.shop}/login?${new URLSearchParams(parameters).toString()}`, until);
  }

  register(): Promise<void> {
    return this.send('/register', { name: this.name, password: passwordOf(this.name) });
  }

  givePassword(until?: string): Promise<void> {
    return this.send('/login', { name: this.name, password: passwordOf(this.name) }, until);
  }

  proveByPassword(): Promise<void> {
    return this.send('/two-factor/challenge', { password: passwordOf(this.name) });
  }

  code(steps = 0): string {
    return totpCode(this.#key, this.example.now() + steps * 30_000);
  }

  /** Answers the challenge with the code of the next time step, so that it is no used one. */
  async giveCode(fields: Record<string, string> = {}): Promise<void> {
    await this.example.advance(30_000);
    await this.send('/two-factor/challenge', { code: this.code(), ...fields });
  }

  /** On the page of the set-up. */
  async setUp(): Promise<void> {
    this.#key = /id="setup-key">([^<]+)</.exec(this.text)?.[1]?.replaceAll(' ', '') ?? '';
    await this.send('/two-factor/setup', { code: this.code() });
    await this.send('/two-factor/backup-codes/saved');
  }

  /** Another browser of the same person, without any cookie. */
  elsewhere(): Person {
    const other = new Person(this.example, this.name);
    other.#key = this.#key;
    return other;
  }

  /** What the shop shows of the ID token. */
  get claims(): Claims {
    return readJson(this.text) as Claims;
  }

  /** What the identity server has refused. */
  get refusal(): { error: string; error_description: string } {
    return readJson(this.text) as { error: string; error_description: string };
  }

  #agent({ origin }: URL): Agent {
    let agent = this.#agents.get(origin);
    if (!agent) {
      agent = supertest.agent(origin);
      // As in a browser, ports of one host share their cookies.
      const [first] = this.#agents.values();
      if (first) agent.jar = first.jar;
      this.#agents.set(origin, agent);
    }
    return agent;
  }

  async #follow(address: string, until?: string): Promise<void> {
    const url = new URL(address);
    const answer = await this.#agent(url)
      .get(url.pathname + url.search)
      .redirects(0)
      .set('Accept', 'text/html');
    await this.#arrive(address, answer, until);
  }

  async #arrive(address: string, answer: supertest.Response, until?: string): Promise<void> {
    this.url = address;
    this.trail.push(new URL(address).pathname.replace(/(interaction|auth)\/[\w-]+/, '$1/:uid'));
    if (this.trail.length > 20) throw new Error(`A circle: ${this.trail.join(' → ')}`);
    const location = answer.headers['location'];
    if (location === undefined) {
      this.status = answer.status;
      this.text = answer.text;
      return;
    }
    const next = new URL(location, address).href;
    if (until !== undefined && next.startsWith(until)) this.url = next;
    else await this.#follow(next, until);
  }
}

function readHidden(html: string): Record<string, string> {
  const read = (input: string, name: string): string =>
    new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1] ?? '';
  const inputs = html.match(/<input\b[^>]*type="hidden"[^>]*>/g) ?? [];
  return Object.fromEntries(inputs.map((input) => [read(input, 'name'), read(input, 'value')]));
}

/** What a page shows as JSON. */
function readJson(html: string): unknown {
  const [, text] = /<pre>([^]*?)<\/pre>/.exec(html) ?? [];
  if (text === undefined) throw new Error(`No JSON on this page:\n${html}`);
  return JSON.parse(text.replaceAll('&quot;', '"').replaceAll('&amp;', '&'));
}

function passwordOf(name: string): string {
  return `${name} has a long password`;
}

import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { totpCode } from 'passport-second-factor/testing';
import type { Person } from './contender.js';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A browser: it keeps cookies and names the origin of its posts. */
interface Visitor {
  get(path: string): Promise<Answer>;
  post(path: string, body: URLSearchParams | object): Promise<Answer>;
}

/** How a login goes. @returns whether it is complete, and what was answered last. */
const faces = {
  /** The password, the page of the challenge with what is hidden in it, the code. */
  async forms(visitor: Visitor, username: string, code: string): Promise<[boolean, Answer]> {
    let answer = await visitor.post('/login', new URLSearchParams({ username, password: 'any' }));
    const challenge = answer.headers.location ?? '';
    if (challenge !== '/account') {
      const { body } = await visitor.get(challenge);
      const form = new URLSearchParams({ code });
      for (const [, name = '', value = ''] of body.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g))
        form.set(name, value);
      answer = await visitor.post(challenge, form);
    }
    return [answer.headers.location === '/account', answer];
  },
  /** As better-auth's client does it, which has pages of its own. */
  async 'better-auth'(visitor: Visitor, name: string, code: string): Promise<[boolean, Answer]> {
    const password = { email: `${name}@bench.example`, password: 'any password' };
    const first = await visitor.post('/api/auth/sign-in/email', password);
    if (!first.body.includes('"twoFactorRedirect":true')) return [false, first];
    const answer = await visitor.post('/api/auth/two-factor/verify-totp', { code });
    return [answer.status === 200, answer];
  },
};

export type Face = keyof typeof faces;

/** Where a login goes to. */
export interface Door {
  url: string;
  face: Face;
}

const agent = new Agent({ keepAlive: true });

/** A complete login. @returns the cookies after it. @throws when it is not complete. */
export async function signIn({ url, face }: Door, { name, secret }: Person): Promise<string> {
  const jar = new Map<string, string>();
  const code = totpCode(Buffer.from(secret, 'base64'), Date.now());
  const [isIn, { status, headers, body }] = await faces[face](createVisitor(url, jar), name, code);
  if (isIn) return drawCookies(jar);
  throw new Error(`${name} is not in: ${String(status)} ${headers.location ?? ''} ${body.slice(0, 200)}`);
}

/** That a wrong code is refused, and opens nothing. @throws otherwise. */
export async function proveRefusal({ url, face }: Door, person: Person): Promise<void> {
  const secret = Buffer.from(person.secret, 'base64');
  const codes = [-2, -1, 0, 1, 2].map((steps) => totpCode(secret, Date.now() + steps * 30_000));
  const wrong = ['000000', '111111', '222222', '333333', '444444', '555555'].find((c) => !codes.includes(c));
  const jar = new Map<string, string>();
  const visitor = createVisitor(url, jar);
  const [isIn] = await faces[face](visitor, person.name, wrong ?? '');
  if (isIn || (await visitor.get('/account')).body === accountOf(person))
    throw new Error(`${url} has let in ${person.name} with a wrong code.`);
}

/** What the page behind the login says. */
export const accountOf = ({ name }: Person): string => `Account of ${name}`;

function createVisitor(url: string, jar: Map<string, string>): Visitor {
  const send = async (path: string, method: string, type = '', body = ''): Promise<Answer> => {
    const posted = { Origin: 'http://localhost', 'Content-Type': type };
    const headers = { Cookie: drawCookies(jar), Accept: 'text/html', ...(method === 'POST' && posted) };
    const answer = await exchange(url + path, method, headers, body);
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  };
  return {
    get: (path) => send(path, 'GET'),
    post: (path, body) =>
      body instanceof URLSearchParams
        ? send(path, 'POST', 'application/x-www-form-urlencoded', body.toString())
        : send(path, 'POST', 'application/json', JSON.stringify(body)),
  };
}

function drawCookies(jar: Map<string, string>): string {
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
}

/** One request on a connection that is kept. */
export function exchange(
  url: string,
  method: string,
  headers: Record<string, string>,
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (more: string) => (text += more));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

// The load: people who sign in, in a process of its own. Each message is one run, its answer the microseconds by login.
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { totpCode } from 'passport-second-factor/testing';
import type { Enrolled } from './app.js';

export interface Run {
  url: string;
  people: Enrolled[];
  atOnce: number;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

const agent = new Agent({ keepAlive: true });

process.on('message', (run: Run) => {
  void signInAll(run).then((time) => process.send?.(time));
});

async function signInAll({ url, people, atOnce }: Run): Promise<number> {
  const left = [...people];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let person = left.pop(); person; person = left.pop()) await signIn(url, person);
    }),
  );
  return ((performance.now() - start) * 1_000) / people.length;
}

/** As a browser does it: the password, the page of the challenge with what is hidden in it, the code. */
async function signIn(url: string, { name, secret }: Enrolled): Promise<void> {
  let cookie = '';
  const send = async (path: string, form?: Record<string, string>): Promise<Answer> => {
    const answer = await fetchOnce(url + path, cookie, form);
    for (const line of answer.headers['set-cookie'] ?? [])
      if (line.startsWith('sid=')) cookie = line.split(';', 1)[0] ?? '';
    return answer;
  };
  let answer = await send('/login', { username: name, password: 'any' });
  const challenge = answer.headers.location ?? '';
  if (challenge !== '/account') {
    const { body } = await send(challenge);
    const hidden = [...body.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
      ([, key = '', value = '']) => [key, value],
    );
    const code = totpCode(Buffer.from(secret, 'base64'), Date.now());
    answer = await send(challenge, { ...(Object.fromEntries(hidden) as Record<string, string>), code });
  }
  if (answer.headers.location !== '/account')
    throw new Error(
      `${name} is not in: ${String(answer.status)} ${answer.headers.location ?? ''} ${answer.body.slice(0, 200)}`,
    );
}

function fetchOnce(url: string, Cookie: string, form?: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const method = form ? 'POST' : 'GET';
    const sent = request(
      url,
      { agent, method, headers: { Cookie, Accept: 'text/html', ...(form && type) } },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(form && new URLSearchParams(form).toString());
  });
}

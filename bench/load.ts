// The load, in a process of its own. Each message is one run, its answer the microseconds that one login or one request took, over all.
import type { Person } from './contender.js';
import { accountOf, type Door, exchange, signIn } from './sign-in.js';

/** Somebody's account asked for again and again; connections are spread over the urls. */
export interface Requests {
  urls: readonly string[];
  cookie: string;
  person: Person;
  connections: number;
  requests: number;
}

/** People who sign in, so many at once. */
export interface Logins {
  door: Door;
  people: Person[];
  atOnce: number;
}

process.on('message', (run: Requests | Logins) => {
  const work = 'door' in run ? signInAll(run) : requestAll(run);
  void work.then((time) => process.send?.(time));
});

async function signInAll({ door, people, atOnce }: Logins): Promise<number> {
  const left = [...people];
  const start = performance.now();
  await together(atOnce, async () => {
    for (let person = left.pop(); person; person = left.pop()) await signIn(door, person);
  });
  return ((performance.now() - start) * 1_000) / people.length;
}

async function requestAll({ urls, cookie, person, connections, requests }: Requests): Promise<number> {
  const expected = accountOf(person);
  let left = requests;
  const start = performance.now();
  await together(connections, async (connection) => {
    const url = `${urls[connection % urls.length] ?? ''}/account`;
    while (left > 0) {
      left -= 1;
      const { body } = await exchange(url, 'GET', { Cookie: cookie });
      if (body !== expected) throw new Error(`${url} answered: ${body.slice(0, 200)}`);
    }
  });
  return ((performance.now() - start) * 1_000) / requests;
}

function together(count: number, work: (index: number) => Promise<void>): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}

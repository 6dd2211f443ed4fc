// The load: keep-alive connections in a process of its own. Each message is one run, its answer the microseconds by request.
import { Agent, get } from 'node:http';

export interface Run {
  /** Of processes; connections are spread over them. */
  urls: readonly string[];
  cookie: string;
  connections: number;
  requests: number;
  /** What the body must be; anything else ends the bench. */
  expected: string;
}

const agent = new Agent({ keepAlive: true });

process.on('message', (run: Run) => {
  void send(run).then((time) => process.send?.(time));
});

async function send({ urls, cookie, connections, requests, expected }: Run): Promise<number> {
  let left = requests;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async (_, connection) => {
      const url = urls[connection % urls.length] ?? '';
      while (left > 0) {
        left -= 1;
        const body = await read(url, cookie);
        if (body !== expected) throw new Error(`${url} answered: ${body.slice(0, 200)}`);
      }
    }),
  );
  return ((performance.now() - start) * 1_000) / requests;
}

function read(url: string, Cookie: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { Cookie } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve(body));
      response.on('error', reject);
    }).on('error', reject);
  });
}

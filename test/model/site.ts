import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { fileURLToPath } from 'node:url';
import { firstMessage } from '../helpers/child.js';
import { problemStatuses, type ProblemCode } from '../../src/errors.js';

/** What came of a request: `ok`, the code of a problem, or `unauthorized` of the host's own. */
export type Kind = 'ok' | 'unauthorized' | ProblemCode;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  body: Record<string, unknown>;
  /** The session cookie that the answer sets. */
  cookie: string | undefined;
}

export interface Sending {
  node: number;
  cookie: string;
  now: number;
  path: string;
  /** Makes it a POST. */
  body?: object | undefined;
  /** As a form of a page, not as JSON. */
  isForm?: boolean;
}

/** Two processes of a small application on one Redis and one database file. */
export interface Site {
  send(sending: Sending): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startSite(parameters: readonly string[]): Promise<Site> {
  const program = fileURLToPath(new URL('node.mjs', import.meta.url));
  const nodes = [0, 1].map(() => fork(program, parameters));
  const ports = await Promise.all(nodes.map((node) => firstMessage<number>(node)));
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    send: (sending) => send(agent, ports[sending.node]!, sending),
    async stop() {
      agent.destroy();
      await Promise.all(
        nodes.map(async (node) => {
          const ended = once(node, 'exit');
          node.disconnect();
          await ended;
        }),
      );
    },
  };
}

function send(agent: Agent, port: number, { cookie, now, path, body, isForm }: Sending): Promise<Answer> {
  const text =
    body && (isForm ? new URLSearchParams(body as Record<string, string>).toString() : JSON.stringify(body));
  const headers = {
    now: String(now),
    accept: isForm ? 'text/html' : 'application/json',
    origin: 'http://model.example',
    ...(cookie !== '' && { cookie }),
    ...(text !== undefined && {
      'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
      'content-length': String(Buffer.byteLength(text)),
    }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent, host: '127.0.0.1', port, path, method: text === undefined ? 'GET' : 'POST', headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answered = Buffer.concat(chunks).toString();
          const isJson = response.headers['content-type']?.includes('json') ?? false;
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: answered,
            body: isJson ? (JSON.parse(answered) as Record<string, unknown>) : {},
            cookie: response.headers['set-cookie']?.find((line) => line.startsWith('sid='))?.split(';')[0],
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

/** The kind of an answer of the JSON API or of the host's. @throws Error where no answer should be like it. */
export function kindOf({ status, body, text }: Answer): Kind {
  if (status === 200) return 'ok';
  if (status === 401 && text === 'Unauthorized') return 'unauthorized';
  const code = String(body['code']);
  const isProblem = code in problemStatuses && problemStatuses[code as ProblemCode] === status;
  // Whoever loses against the own twin may find its session replaced. A single request is never told so.
  if (isProblem && (status < 500 || code === 'session-missing')) return code as Kind;
  throw new Error(`An answer that nobody should get: ${String(status)} ${text.slice(0, 500)}`);
}

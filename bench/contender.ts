// One contender, as a process of its own. argv: its description as JSON.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Face } from './sign-in.js';

/** What an application is built with. */
export interface Place {
  redis: string;
  /** `file:` or `postgres:`, with nothing in it when `isNew`. */
  database: string;
  isNew: boolean;
  /** What is different from the kind as it usually is. */
  options: readonly string[];
}

/** What each module in contenders/ builds: a login, `/account` behind it, and `/healthz`. */
export interface Application {
  listener: RequestListener;
  face: Face;
  /** Gives somebody a second factor. @returns the raw secret. */
  enrol: (name: string) => Promise<Uint8Array>;
}

/** By what they are started with: no process loads what another one needs. */
const kinds = {
  bare: () => import('./contenders/bare.js'),
  base: () => import('./contenders/base.js'),
  'by hand': () => import('./contenders/by-hand.js'),
  'passport-totp': () => import('./contenders/passport-totp.js'),
  ours: () => import('./contenders/ours.js'),
  'better-auth': () => import('./contenders/better-auth.js'),
};

export type Kind = keyof typeof kinds;

export interface Description extends Place {
  kind: Kind;
}

/** What a contender is told: to enrol so many people more; or nothing, to say how it stands. */
export type Question = { enrol: number } | 'state';

export interface State {
  url: string;
  face: Face;
  /** Microseconds of CPU since it began. */
  cpu: number;
  /** SQL statements since it began, where they are counted at the driver. */
  statements: number;
  /** Bytes of resident memory. */
  memory: number;
}

/** Somebody with a second factor, and the raw secret of it in base64. */
export interface Person {
  name: string;
  secret: string;
}

const { kind, ...place } = JSON.parse(process.argv[2] ?? '') as Description;
let statements = 0;
let people = 0;
const { build } = await kinds[kind]();
const { listener, face, enrol } = await build(place, () => (statements += 1));
// Between two of its rounds others have theirs: a connection that ended meanwhile would be no request's fault.
const server = createServer({ keepAliveTimeout: 600_000 }, listener).listen(0, '127.0.0.1', () => {
  process.on('message', (question: Question) => void answer(question).then((told) => process.send?.(told)));
});
process.once('disconnect', () => process.exit());

async function answer(question: Question): Promise<State | Person[]> {
  if (question === 'state') {
    const { user, system } = process.cpuUsage();
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    return { url, face, cpu: user + system, statements, memory: process.memoryUsage.rss() };
  }
  const enrolled: Person[] = [];
  for (let left = question.enrol; left > 0; left -= 1) {
    const name = `person-${process.pid}-${(people += 1)}`;
    enrolled.push({ name, secret: Buffer.from(await enrol(name)).toString('base64') });
  }
  return enrolled;
}

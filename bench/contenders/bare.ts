import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import type { Application, Place } from '../contender.js';
import { openSql, type Sql } from '../sql.js';

/** What a browser's cookie names in Redis. */
interface Session {
  user: string;
  /** Of the form; there until the code has been given. */
  token?: string;
}

const CAP = 50;
const FREE = 4;
const DELAY = 30_000;

/**
 * The limit: no framework, no library, one file for one form, and still every protection. The secret is sealed, an attempt is counted before it
 * is checked, a step is accepted once by one statement that is also its audit row, the session is a new one after the code.
 */
export async function build(place: Place, count: () => void): Promise<Application> {
  const redis = new Redis(place.redis);
  const sql = await openSql(place, count);
  if (place.isNew) await createTables(sql);
  const key = Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7));

  async function renew(response: ServerResponse, session: Session, old = ''): Promise<void> {
    const id = randomBytes(32).toString('base64url');
    const kept = redis.set(`bare:${id}`, JSON.stringify(session), 'EX', 600);
    await Promise.all([kept, old && redis.del(`bare:${old}`)]);
    response.setHeader('Set-Cookie', `sid=${id}; Path=/; HttpOnly; SameSite=Lax`);
  }

  async function giveCode(user: string, code: string): Promise<boolean> {
    const now = Date.now();
    const [factor] = await sql<{ sealed: string }>(
      `update factors set failures = failures + 1,
         delayed_until = case when failures < ${FREE} then 0 else cast(? as bigint) + ${DELAY} * (failures - ${FREE - 1}) end
       where user_id = ? and failures < ${CAP} and delayed_until <= ? returning sealed`,
      ...[now, user, now],
    );
    const step = factor && matchStep(open(factor.sealed, user, key), code, now);
    if (step === undefined) return false;
    const accepted = await sql(
      `insert into acceptances (user_id, step, at) select ?, cast(? as bigint), cast(? as bigint)
       where not exists (select 1 from acceptances where user_id = ? and step >= ?)
       on conflict do nothing returning step`,
      ...[user, step, now, user, step],
    );
    if (accepted.length === 0) return false;
    await sql('update factors set failures = 0 where user_id = ? returning failures', user);
    return true;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method ?? ''} ${request.url ?? ''}`;
    if (route === 'GET /healthz') return void response.end('ok');
    if (route === 'POST /login') {
      const user = (await readForm(request)).get('username') ?? '';
      const [factor] = await sql('select 1 from factors where user_id = ?', user);
      await renew(response, factor ? { user, token: randomBytes(16).toString('base64url') } : { user });
      redirect(response, factor ? '/challenge' : '/account');
      return;
    }
    const id = /(?:^|; )sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const session = JSON.parse((await redis.get(`bare:${id}`)) ?? 'null') as Session | null;
    if (!session) {
      redirect(response, '/login');
      return;
    }
    if (route === 'GET /account' && session.token === undefined)
      return void response.end(`Account of ${session.user}`);
    if (route === 'GET /challenge' && session.token !== undefined)
      return void response.end(
        `<form method="post"><input type="hidden" name="token" value="${session.token}"><label>Code <input name="code"></label> <button>Continue</button></form>`,
      );
    if (route !== 'POST /challenge' || session.token === undefined) {
      redirect(response, '/challenge');
      return;
    }
    const form = await readForm(request);
    const isIn =
      isEqual(form.get('token') ?? '', session.token) &&
      (await giveCode(session.user, form.get('code') ?? ''));
    if (isIn) await renew(response, { user: session.user }, id);
    redirect(response, isIn ? '/account' : '/challenge');
  }

  return {
    listener: (request, response) => void answer(request, response),
    face: 'forms',
    async enrol(name) {
      const secret = randomBytes(20);
      await sql('insert into factors (user_id, sealed) values (?, ?)', name, seal(secret, name, key));
      return secret;
    },
  };
}

async function createTables(sql: Sql): Promise<void> {
  await sql(
    'create table factors (user_id text primary key, sealed text not null, failures int not null default 0, delayed_until bigint not null default 0)',
  );
  await sql(
    'create table acceptances (user_id text, step bigint, at bigint not null, primary key (user_id, step))',
  );
}

function redirect(response: ServerResponse, to: string): void {
  response.writeHead(302, { Location: to }).end();
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = '';
  request.setEncoding('utf8');
  for await (const text of request) body += String(text);
  return new URLSearchParams(body);
}

function isEqual(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Bound to the user. */
function seal(secret: Buffer, user: string, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(user));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

function open(sealed: string, user: string, key: Buffer): Buffer {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from(user)).setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
}

/** The step that the code belongs to, the last, this or the next one (RFC 6238, RFC 4226 §5.3). */
function matchStep(secret: Buffer, code: string, now: number): number | undefined {
  const step = Math.floor(now / 30_000);
  return [step - 1, step, step + 1].find((tried) => {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(tried));
    const hash = createHmac('sha1', secret).update(counter).digest();
    const number = hash.readUInt32BE((hash[19] ?? 0) & 15) & 0x7fffffff;
    return isEqual(code, String(number % 1_000_000).padStart(6, '0'));
  });
}

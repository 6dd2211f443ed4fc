import { randomBytes } from 'node:crypto';
import type { Express, Request, RequestHandler } from 'express';
import { verify } from 'otplib';
import { openCountedPostgres, openCountedSqlite } from '../counted-storage.js';
import type { Enrol } from './app.js';

declare module 'express-session' {
  interface SessionData {
    owesCode?: boolean;
  }
}

/**
 * The second step as people write it: a secret in a column, a flag in the session, otplib in between. It counts no guesses, accepts a code
 * twice, seals nothing, renews no session and checks no form.
 */
export async function addByHand(
  app: Express,
  sessions: RequestHandler[],
  password: RequestHandler,
  database: string,
  count: () => void,
): Promise<Enrol> {
  const { find, insert } = await openSecrets(database, count);
  const idOf = (request: Request): string => (request.user as { id: string }).id;
  app.use(...sessions);
  app.post('/login', password, async (request, response) => {
    if ((await find(idOf(request))) === undefined) {
      response.redirect('/account');
      return;
    }
    request.session.owesCode = true;
    response.redirect('/challenge');
  });
  app.get('/challenge', (_request, response) => {
    response.send(
      '<form method="post"><label>Code <input name="code"></label> <button>Continue</button></form>',
    );
  });
  app.post('/challenge', async (request, response) => {
    const secret = await find(idOf(request));
    const { code } = request.body as { code: string };
    const { valid } = await verify({
      secret: Buffer.from(secret ?? '', 'base64'),
      token: code,
      epochTolerance: 30,
    });
    if (valid) request.session.owesCode = false;
    response.redirect(valid ? '/account' : '/challenge');
  });
  return async (name) => {
    const secret = randomBytes(20);
    await insert(name, secret.toString('base64'));
    return secret;
  };
}

interface Secrets {
  find: (id: string) => Promise<string | undefined>;
  insert: (id: string, secret: string) => Promise<unknown>;
}

const create = 'create table secrets (id text primary key, secret text not null)';

async function openSecrets(database: string, count: () => void): Promise<Secrets> {
  if (database.startsWith('file:')) {
    const db = openCountedSqlite(database.slice('file:'.length), count);
    db.exec(create);
    const select = db.prepare('select secret from secrets where id = ?');
    return {
      find: (id) => Promise.resolve((select.get(id) as { secret: string } | undefined)?.secret),
      insert: (id, secret) =>
        Promise.resolve(db.prepare('insert into secrets values (?, ?)').run(id, secret)),
    };
  }
  const pool = openCountedPostgres(database, count);
  await pool.query(create);
  return {
    find: async (id) => {
      const { rows } = await pool.query<{ secret: string }>('select secret from secrets where id = $1', [id]);
      return rows[0]?.secret;
    },
    insert: (id, secret) => pool.query('insert into secrets values ($1, $2)', [id, secret]),
  };
}

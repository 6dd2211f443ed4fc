import { randomBytes } from 'node:crypto';
import type { Application, Place } from '../contender.js';
import { openSql } from '../sql.js';

interface Secrets extends Pick<Application, 'enrol'> {
  find: (id: string) => Promise<Buffer | undefined>;
}

/** A secret in a column, in clear, as people keep it. */
export async function openSecrets(place: Place, count: () => void): Promise<Secrets> {
  const sql = await openSql(place, count);
  if (place.isNew) await sql('create table secrets (id text primary key, secret text not null)');
  return {
    async find(id) {
      const [row] = await sql<{ secret: string }>('select secret from secrets where id = ?', id);
      return row && Buffer.from(row.secret, 'base64');
    },
    async enrol(name) {
      const secret = randomBytes(20);
      await sql('insert into secrets values (?, ?)', name, secret.toString('base64'));
      return secret;
    },
  };
}

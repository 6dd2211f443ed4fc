import { randomUUID } from 'node:crypto';
import type { Database } from './database/database.js';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** The one place where mail leaves the application: a real service plugs in its mail provider here. */
export type SendMail = (mail: Mail) => Promise<void>;

/** How many mails the outbox keeps. */
const capacity = 100;

/** Mails of a development server, for everybody who opens /dev/outbox. In the database, because nodes share it. */
export class Outbox {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  readonly send: SendMail = async ({ to, subject, text }) => {
    const { queries } = this.#database;
    const row = { id: randomUUID(), recipient: to, subject, body: text, sent_at: Date.now() };
    await queries.insertInto('outbox').values(row).execute();
    const oldest = await this.#newest().select('sent_at').offset(capacity).limit(1).executeTakeFirst();
    if (oldest) await queries.deleteFrom('outbox').where('sent_at', '<=', Number(oldest.sent_at)).execute();
  };

  /** Newest first. */
  async list(): Promise<(Mail & { sentAt: number })[]> {
    const rows = await this.#newest().selectAll().limit(capacity).execute();
    return rows.map(({ recipient, subject, body, sent_at }) => ({
      to: recipient,
      subject,
      text: body,
      sentAt: Number(sent_at),
    }));
  }

  #newest() {
    return this.#database.queries.selectFrom('outbox').orderBy('sent_at', 'desc').orderBy('id');
  }
}

/** In production nothing is stored: the mails hold tokens that sign people in. A log is no better place, so it gets the subject. */
export const refuseToSend: SendMail = ({ subject }) => {
  console.error(`Mail: this example sends none in production ("${subject}").`);
  return Promise.resolve();
};

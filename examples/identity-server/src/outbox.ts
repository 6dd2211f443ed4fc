import { randomUUID } from 'node:crypto';
import type { Transport } from 'nodemailer';
import type { Database } from './database/database.js';
import type { Mail } from './mail.js';

/** How many mails the outbox keeps. */
const capacity = 100;

/** Mails of a development server, for everybody who opens /dev/outbox. In the database, because nodes share it. */
export class Outbox {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What nodemailer hands its mails to. */
  readonly transport: Transport = {
    name: 'outbox',
    version: '1',
    send: ({ data, message }, done) => {
      // The mailer is given such mails only.
      this.#keep(data as Mail).then(
        () => done(null, { envelope: message.getEnvelope(), messageId: message.messageId() }),
        (error: unknown) => done(error as Error),
      );
    },
  };

  async #keep({ to, subject, text }: Mail): Promise<void> {
    const { queries } = this.#database;
    const row = { id: randomUUID(), recipient: to, subject, body: text, sent_at: Date.now() };
    await queries.insertInto('outbox').values(row).execute();
    const oldest = await this.#newest().select('sent_at').offset(capacity).limit(1).executeTakeFirst();
    if (oldest) await queries.deleteFrom('outbox').where('sent_at', '<=', Number(oldest.sent_at)).execute();
  }

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

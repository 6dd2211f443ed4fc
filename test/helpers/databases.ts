import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { startMariadbProgram } from './databases-mariadb.js';
import { startPostgresProgram } from './databases-postgres.js';
import { stopWhereItStands } from './stopped.js';

/** A database server of this run alone, on a free port of the loopback, with everything in a temporary folder. */
export interface DatabaseServer {
  kind: 'postgres' | 'mysql';
  /** As in `DATABASE_URL`. */
  url: string;
  /** Ends the server and deletes its files. */
  stop(): Promise<void>;
  /** Ends it as a power cut would; the files stay for `restart()`. */
  stopHard(): Promise<void>;
  /** On the same port, with the same files. */
  restart(): Promise<void>;
  /** Stops its processes where they stand (SIGSTOP): connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): void;
}

/** A running server program and how to run it again. */
export interface ServerProgram {
  kind: DatabaseServer['kind'];
  url: string;
  /** Every process of the server now, the first one its parent. */
  processes(): number[];
  run(): Promise<void>;
  endGently(): void;
  endHard(): void;
  ended(): Promise<void>;
  remove(): Promise<void>;
}

export const startPostgres = (): Promise<DatabaseServer> => startServer(startPostgresProgram);

export const startMariadb = (): Promise<DatabaseServer> => startServer(startMariadbProgram);

/** @returns the URL of a new, empty database. */
export async function createDatabase({ kind, url }: Pick<DatabaseServer, 'kind' | 'url'>): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  if (kind === 'postgres') await withPostgres(url, (client) => client.query(`create database ${name}`));
  else await withMysql(url, (connection) => connection.query(`create database ${name}`));
  const database = new URL(url);
  database.pathname = `/${name}`;
  return database.href;
}

async function startServer(prepare: () => Promise<ServerProgram>): Promise<DatabaseServer> {
  const program = await prepare();
  const start = async (): Promise<void> => {
    await program.run();
    await untilItAnswers(program);
  };
  const signal = (name: NodeJS.Signals, pids: number[]): void => {
    for (const pid of pids) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  };
  // The parent first, or it would make new processes, or miss those that are stopped.
  const pause = async (): Promise<void> => {
    await Promise.all(program.processes().slice(0, 1).map(stopWhereItStands));
    await Promise.all(program.processes().slice(1).map(stopWhereItStands));
  };
  const resume = (): void => signal('SIGCONT', program.processes().reverse());
  const end = async (how: () => void): Promise<void> => {
    resume();
    how();
    await inTime(program.ended(), 20_000, `the ${program.kind} server did not end`);
  };
  try {
    await start();
  } catch (error) {
    program.endHard();
    await program.remove();
    throw error;
  }
  return {
    kind: program.kind,
    url: program.url,
    pause,
    resume,
    restart: start,
    stopHard: () => end(() => program.endHard()),
    async stop() {
      await end(() => program.endGently());
      await program.remove();
    },
  };
}

async function untilItAnswers({ kind, url, ended }: ServerProgram): Promise<void> {
  let hasEnded = false as boolean;
  void ended().then(() => (hasEnded = true));
  const ask = async (): Promise<unknown> =>
    kind === 'postgres'
      ? withPostgres(url, (client) => client.query('select 1'))
      : withMysql(url, (connection) => connection.query('select 1'));
  for (let time = 0; ; time += 50) {
    try {
      await ask();
      return;
    } catch (cause) {
      if (hasEnded || time > 30_000) throw new Error(`The ${kind} server did not start.`, { cause });
    }
    await wait(50);
  }
}

async function withPostgres(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A server that is starting may take the connection and close it again.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function withMysql(
  url: string,
  work: (connection: mysql.Connection) => Promise<unknown>,
): Promise<void> {
  const connection = await mysql.createConnection({ uri: url, connectTimeout: 5_000 });
  try {
    await work(connection);
  } finally {
    connection.destroy();
  }
}

async function inTime<T>(work: Promise<T>, milliseconds: number, fault: string): Promise<T> {
  const abort = new AbortController();
  try {
    return await Promise.race([
      work,
      wait(milliseconds, undefined, { signal: abort.signal }).then(() => {
        throw new Error(`After ${milliseconds / 1_000} s ${fault}.`);
      }),
    ]);
  } finally {
    abort.abort();
  }
}

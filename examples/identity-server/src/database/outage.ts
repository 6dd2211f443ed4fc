import { setTimeout as wait } from 'node:timers/promises';
import type { DatabaseConnection, Dialect, Driver } from 'kysely';

/** How long a database may take for a connection or a statement before the request gets an error. */
export const patience = 1000;

/** A statement that failed, whatever the reason: the request is refused for now (503), and the cause is for the log. */
class DatabaseOutage extends Error {
  override readonly name = 'DatabaseOutage';
  readonly status = 503;

  constructor(cause: unknown) {
    super('The database did not do what it was asked.', { cause });
  }
}

/** The same dialect, whose every failure is a DatabaseOutage. */
export function reportOutages(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver: () => watch(dialect.createDriver()),
  };
}

function watch(driver: Driver): Driver {
  const watched = new WeakSet<DatabaseConnection>();
  const acquire = driver.acquireConnection.bind(driver);
  driver.acquireConnection = async () => {
    const connection = await orOutage(acquire);
    if (watched.has(connection)) return connection;
    watched.add(connection);
    const execute = connection.executeQuery.bind(connection);
    connection.executeQuery = (query) => orOutage(() => execute(query));
    return connection;
  };
  return driver;
}

async function orOutage<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await retryWhileLocked(ask);
  } catch (cause) {
    throw new DatabaseOutage(cause);
  }
}

/** Tries again while another process writes, with the event loop free between. */
export async function retryWhileLocked<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  const deadline = Date.now() + patience;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isLocked =
        error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');
      if (!isLocked || Date.now() > deadline) throw error;
    }
    await wait(10);
  }
}

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPoolRunner, type SqlPool, type SqlSession } from '../../src/storage/sql/pool-runner.js';
import { Rollback, type Statement, type Verb } from '../../src/storage/sql/verb.js';

class Retryable extends Error {}

const never = (): Promise<never> => new Promise(() => undefined);

/** A pool whose sessions note what is asked of them and answer as told. */
function fakePool(
  answers: Partial<Record<keyof SqlSession | 'connect', (nth: number) => Promise<unknown>>> = {},
) {
  const log: string[] = [];
  const times = new Map<string, number>();
  const note = async (name: keyof SqlSession | 'connect', detail = ''): Promise<never> => {
    log.push(`${name}${detail}`);
    const nth = (times.get(name) ?? 0) + 1;
    times.set(name, nth);
    return (await answers[name]?.(nth)) as never;
  };
  const pool: SqlPool = {
    isRetryable: (error) => error instanceof Retryable,
    async connect() {
      await note('connect');
      return {
        beginRead: () => note('beginRead'),
        begin: (occasion) => note('begin', ` ${occasion}`),
        ask: ({ sql }) => note('ask', ` ${sql}`),
        commit: () => note('commit'),
        rollback: () => note('rollback'),
        release: () => note('release'),
        destroy: () => void note('destroy'),
      };
    },
  };
  return { log, runner: createPoolRunner(pool), count: (name: string) => times.get(name) ?? 0 };
}

const statement = (sql: string): Statement => ({ wants: 'changed', sql, parameters: [] });

function* verb(result: unknown = 'done'): Verb<unknown> {
  yield statement('one');
  yield statement('two');
  return result;
}

const settle = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('createPoolRunner', () => {
  it('commits what a verb returns and gives the connection back', async () => {
    const { log, runner } = fakePool();
    expect(await runner.transact(() => verb())).toBe('done');
    expect(log).toEqual(['connect', 'begin request', 'ask one', 'ask two', 'commit', 'release']);
  });

  it('rolls back what a verb decides against', async () => {
    const { log, runner } = fakePool();
    expect(await runner.transact(() => verb(new Rollback('gone')))).toBe('gone');
    expect(log).toEqual(['connect', 'begin request', 'ask one', 'ask two', 'rollback', 'release']);
  });

  it('repeats the whole transaction with a fresh verb where the database chose it as a victim', async () => {
    const { log, runner } = fakePool({
      ask: async (nth) => {
        if (nth === 2) throw new Retryable();
      },
    });
    const done = runner.transact(() => verb());
    await vi.advanceTimersByTimeAsync(100);
    expect(await done).toBe('done');
    expect(log).toEqual([
      ...['connect', 'begin request', 'ask one', 'ask two', 'rollback', 'release'],
      ...['connect', 'begin request', 'ask one', 'ask two', 'commit', 'release'],
    ]);
  });

  it('repeats a transaction whose COMMIT the database refused in words', async () => {
    const { count, runner } = fakePool({
      commit: async (nth) => {
        if (nth === 1) throw new Retryable();
      },
    });
    const done = runner.transact(() => verb());
    await vi.advanceTimersByTimeAsync(100);
    expect(await done).toBe('done');
    expect(count('commit')).toBe(2);
  });

  it('gives up after ten attempts', async () => {
    const { count, runner } = fakePool({
      ask: async () => {
        throw new Retryable('deadlock');
      },
    });
    const done = settle(runner.transact(() => verb()));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await done).toEqual(new Retryable('deadlock'));
    expect(count('begin')).toBe(10);
    expect(count('release')).toBe(10);
  });

  it('never repeats after any other error, at COMMIT least of all', async () => {
    const { log, runner } = fakePool({
      commit: async () => {
        throw new Error('lost');
      },
      rollback: async () => {
        throw new Error('lost');
      },
    });
    expect(await settle(runner.transact(() => verb()))).toEqual(new Error('lost'));
    expect(log.slice(-3)).toEqual(['commit', 'rollback', 'destroy']);
  });

  it('closes a connection that cannot be put in order', async () => {
    const { log, runner } = fakePool({
      release: async () => {
        throw new Error('lost');
      },
    });
    expect(await runner.transact(() => verb())).toBe('done');
    await vi.advanceTimersByTimeAsync(0);
    expect(log.slice(-2)).toEqual(['release', 'destroy']);
  });

  it('answers with what was committed where giving the connection back hangs, and closes it', async () => {
    const { log, runner } = fakePool({ release: never });
    expect(await runner.transact(() => verb())).toBe('done');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(log.at(-1)).toBe('destroy');
  });

  it('tells the caller after 1.4 seconds, rolls back a late statement, and keeps the connection', async () => {
    const { log, runner } = fakePool({
      ask: () => new Promise((resolve) => void setTimeout(resolve, 2_000)),
    });
    const done = settle(runner.transact(() => verb()));
    await vi.advanceTimersByTimeAsync(1_400);
    expect(String(await done)).toContain('did not answer within 1.4 s');
    await vi.advanceTimersByTimeAsync(600);
    expect(log).toEqual(['connect', 'begin request', 'ask one', 'rollback', 'release']);
  });

  it('never commits what nobody waits for any more', async () => {
    const { log, runner } = fakePool({
      ask: (nth) => new Promise((resolve) => void setTimeout(resolve, nth === 2 ? 1_500 : 0)),
    });
    const done = settle(runner.transact(() => verb()));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await done).toBeInstanceOf(Error);
    expect(log).not.toContain('commit');
    expect(log.at(-1)).toBe('release');
  });

  it('closes a connection that stays silent', async () => {
    const { log, runner } = fakePool({ ask: never });
    const done = settle(runner.transact(() => verb()));
    await vi.advanceTimersByTimeAsync(4_400);
    expect(await done).toBeInstanceOf(Error);
    expect(log).toEqual(['connect', 'begin request', 'ask one', 'destroy']);
  });

  it('gives a connection back that comes too late', async () => {
    const { log, runner } = fakePool({
      connect: () => new Promise((resolve) => void setTimeout(resolve, 10_000)),
    });
    const done = settle(runner.read(() => verb() as Generator<Statement, unknown, unknown>));
    await vi.advanceTimersByTimeAsync(1_400);
    expect(await done).toBeInstanceOf(Error);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(log).toEqual(['connect', 'release']);
  });

  it('has patience with upkeep', async () => {
    const { runner } = fakePool({ ask: () => new Promise((resolve) => void setTimeout(resolve, 5_000)) });
    const done = runner.transact(() => verb(), 'upkeep');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await done).toBe('done');
  });
});

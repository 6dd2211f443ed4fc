import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLink, type Link } from '../faults/link.js';
import { redisUrl } from '../helpers/redis.js';
import type { Visitor } from '../helpers/visitor.js';
import { type Nodes, startNodes, timeUntilRefused } from './nodes.js';

const [A, B] = [0, 1];

let link: Link;
let nodes: Nodes;

/** Node A reaches the Redis of the epochs by a line that can be cut; sessions and node B are as usual. */
beforeAll(async () => {
  link = await createLink(redisUrl());
  nodes = await startNodes(redisUrl(), [link.url, redisUrl()]);
});

afterAll(async () => {
  await nodes.stop();
  await link.close();
});

const whoIs = async (visitor: Visitor, node: number): Promise<string> =>
  (await visitor.get('/whoami', node)).text;

/** A session made on A, which B has let in and knows the epoch of. */
async function knownOnB(userId: string): Promise<Visitor> {
  const visitor = await nodes.logIn(userId, A);
  expect(await whoIs(visitor, B)).toBe(userId);
  await nodes.untilCached(userId, () => whoIs(visitor, B));
  return visitor;
}

const changes = ['/password', '/sign-out-everywhere'];

describe('R7 over two nodes with cached epochs', () => {
  it.each(changes)('%s on one is seen on the other at once', async (change) => {
    const times: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const userId = `${change.slice(1)}-${String(round)}`;
      const [owner, thief] = [await knownOnB(userId), await nodes.logIn(userId, B)];
      expect(await whoIs(thief, B)).toBe(userId);
      await owner.post(change, {}, A);
      // The first answer, not one of the next.
      const start = performance.now();
      expect(await whoIs(thief, B)).toBe('nobody');
      times.push(performance.now() - start);
      expect(await whoIs(owner, B)).toBe(change === '/password' ? userId : 'nobody');
    }
    times.sort((a, b) => a - b);
    print(`${change}: first answer on the other node ${summary(times)}, and it is a refusal`);
  });

  it('a session asked for in every millisecond of the change is refused for good', async () => {
    const [owner, thief] = [await knownOnB('busy'), await nodes.logIn('busy', B)];
    let isOver = false as boolean;
    const answers: string[] = [];
    const ask = async (): Promise<void> => {
      while (!isOver) answers.push(await whoIs(thief, B));
    };
    const asking = Promise.all(Array.from({ length: 8 }, ask));
    await owner.post('/password', {}, A);
    const late = [await whoIs(thief, B), await whoIs(thief, A)];
    isOver = true;
    await asking;
    expect(late).toEqual(['nobody', 'nobody']);
    // Whoever read SQL before the commit has filled nothing in after it.
    expect(await whoIs(await nodes.logIn('busy', A), B)).toBe('busy');
    expect((await nodes.cached('busy')).epoch).not.toBe('0');
  });

  it('a change whose deletes are lost is seen when the key ends, at most 30 s later, and costs nobody a login', async () => {
    const [owner, thief] = [await knownOnB('lost'), await nodes.logIn('lost', B)];
    await link.set('silent');
    const start = performance.now();
    await owner.post('/password', {}, A);
    const took = performance.now() - start;
    const { epoch, left } = await nodes.cached('lost');
    // The old epoch is still cached: the thief is let in, but the owner's new session is not taken for an old one.
    expect([epoch, await whoIs(thief, B), await whoIs(owner, B)]).toEqual(['0', 'lost', 'lost']);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(30_000);
    print(`lost deletes: the change took ${took.toFixed(0)} ms, the old epoch ends in ${String(left)} ms`);
    await nodes.expire('lost', 200);
    expect(await timeUntilRefused(thief, B)).toBeLessThan(2_000);
    expect(await whoIs(owner, B)).toBe('lost');
    await link.set('open');
    await untilFilledByA();
  });
});

/** A has found out that its connection was dead, and has another: what it deletes is deleted again. */
async function untilFilledByA(): Promise<void> {
  let tries = 0;
  await vi.waitFor(
    async () => {
      // Another user each time: a ticket that A could not fill would stand in its way for 30 s.
      const userId = `again-${String((tries += 1))}`;
      await whoIs(await nodes.logIn(userId, A), A);
      expect((await nodes.cached(userId)).epoch).toMatch(/^\d+$/);
    },
    { timeout: 10_000, interval: 100 },
  );
}

describe('R5 R7 a slow request that saves its session late, on another node', () => {
  it.each(['/logout', ...changes])('does not bring it back after %s', async (end) => {
    const userId = `slow${end.replace('/', '-')}`;
    const owner = await knownOnB(userId);
    const thief = owner.copy();
    const child = nodes.processes[B]!;
    const waiting = once(child, 'message');
    const slow = thief.get('/slow', B);
    await waiting;
    expect((await owner.post(end, {}, A)).status).toBeLessThan(400);
    child.send('go on');
    expect((await slow).text).toBe('saved');
    expect([await whoIs(thief, A), await whoIs(thief, B)]).toEqual(['nobody', 'nobody']);
  });
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function summary(sorted: readonly number[]): string {
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(1);
  return `after ${at(0.5)} ms (median of ${String(sorted.length)}, longest ${at(1)} ms)`;
}

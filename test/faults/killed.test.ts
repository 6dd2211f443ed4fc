import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { redisUrl } from '../helpers/redis.js';
import { Visitor } from '../helpers/visitor.js';
import { type Nodes, startNodes } from '../nodes/nodes.js';
import { type Actor, createActs, type Damage } from './acts.js';
import { report } from './report.js';

/** More calls of storage than any act makes. */
const MOST_CALLS = 100;

let nodes: Nodes;
beforeAll(async () => {
  nodes = await startNodes(redisUrl());
});
afterAll(async () => {
  await nodes.stop();
});

it('a node killed before and after each call of storage lets nobody in, accepts nothing twice and loses nothing', async () => {
  for (const [index, act] of createActs(nodes).entries()) {
    const damage: Damage = { letIn: [], acceptedTwice: [], lost: [] };
    let [deaths, slowest] = [0, 0];
    for (let call = 1; call <= MOST_CALLS; call += 1) {
      let hasDied = false;
      for (const when of ['before', 'after'] as const) {
        const id = `user-${String(index)}-${String(call)}-${when}`;
        const actor: Actor = {
          id,
          visitor: new Visitor(nodes.urls),
          ...{ key: '', codes: [], newCodes: [], hasAnswered: false, isDone: false },
        };
        await act.prepare(actor);
        const isDead = await performUntilDeath(() => act.perform(actor), { call, when });
        const start = performance.now();
        for (const [kind, found] of Object.entries(await act.check(actor)))
          damage[kind as keyof Damage].push(...found.map((what) => `${what} (${when} call ${String(call)})`));
        slowest = Math.max(slowest, performance.now() - start);
        if (!isDead) continue;
        hasDied = true;
        deaths += 1;
        await nodes.replace(0);
      }
      if (!hasDied) break;
    }
    const { letIn, acceptedTwice, lost } = damage;
    // As many requests had no answer as the node died; the other node answered all that came after them in so many milliseconds.
    report({
      fault: `node killed at each call of ${act.name}`,
      requests: deaths,
      refused: deaths,
      recovery: slowest,
      unexpected: [],
      ...{ letIn: letIn.length, acceptedTwice: acceptedTwice.length, lost: lost.length },
    });
    expect(damage, act.name).toEqual({ letIn: [], acceptedTwice: [], lost: [] });
    expect(deaths, act.name).toBeGreaterThan(4);
    expect(deaths, act.name).toBeLessThan(2 * MOST_CALLS);
  }
}, 600_000);

/** @returns whether node 0 has died of it. */
async function performUntilDeath(perform: () => Promise<void>, deadly: object): Promise<boolean> {
  const [node] = nodes.processes;
  if (!node) throw new Error('There is no node.');
  const exit = once(node, 'exit');
  node.send({ deadly });
  // A connection that breaks is what this person sees of it.
  const isWhole = await perform().then(
    () => true,
    () => false,
  );
  // It may be the last call of all that killed it, after the answer.
  const pause = new Promise((resolve) => setTimeout(resolve, isWhole ? 200 : 5_000, 'alive'));
  const isDead = (await Promise.race([exit, pause])) !== 'alive';
  if (!isDead) node.send({ deadly: {} });
  return isDead;
}

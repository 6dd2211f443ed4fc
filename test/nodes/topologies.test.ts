import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTopology, type Topology, type TopologyName } from '../helpers/redis-topologies.js';
import type { Visitor } from '../helpers/visitor.js';
import { type Nodes, startNodes } from './nodes.js';

const [A, B] = [0, 1];
const CHALLENGE = '/two-factor/challenge';
const topologies: TopologyName[] = ['single', 'sentinel', 'cluster'];

const whoIs = async (visitor: Visitor, node: number): Promise<string> =>
  (await visitor.get('/whoami', node)).text;

describe.each(topologies)(
  'sessions and epochs in Redis, %s, one node by ioredis and the other by redis',
  (name) => {
    let topology: Topology;
    let nodes: Nodes;

    beforeAll(async () => {
      topology = await startTopology[name](5_000);
      nodes = await startNodes(topology.url, [topology.url, topology.url], ['ioredis', 'redis']);
    }, 60_000);
    afterAll(async () => {
      await nodes.stop();
      await topology.stop();
    });

    it('hold a login on one node, complete it on the other, and end it at once on both', async () => {
      const { code, backupCodes } = await nodes.enrol('ada');
      nodes.advance(90_000);
      const [ada, twin] = [await nodes.logIn('ada', A), await nodes.logIn('ada', B)];
      const [fields, fieldsOfTwin] = [await ada.hidden(CHALLENGE), await twin.hidden(CHALLENGE)];
      expect(await whoIs(ada, B)).toBe('nobody');
      expect((await ada.post(CHALLENGE, { ...fields, code: code() }, B)).status).toBe(303);
      expect([await whoIs(ada, A), await whoIs(ada, B)]).toEqual(['ada', 'ada']);
      await nodes.untilCached('ada', () => whoIs(ada, A));

      // The code is used up on the other node too.
      await twin.post(CHALLENGE, { ...fieldsOfTwin, code: code() }, A);
      expect(await whoIs(twin, A)).toBe('nobody');
      await twin.post(CHALLENGE, { ...fieldsOfTwin, code: backupCodes[0] ?? '' }, A);
      expect(await whoIs(twin, B)).toBe('ada');

      await twin.post('/sign-out-everywhere', {}, A);
      expect([await whoIs(ada, B), await whoIs(twin, B)]).toEqual(['nobody', 'nobody']);
    });

    it('keep many users apart, wherever their keys are', async () => {
      const names = Array.from({ length: 24 }, (_, number) => `user-${String(number)}`);
      const visitors = await Promise.all(names.map((id, number) => nodes.logIn(id, number)));
      const seen = await Promise.all(visitors.map((visitor, number) => whoIs(visitor, number + 1)));
      expect(seen).toEqual(names);
      await visitors[0]?.post('/sign-out-everywhere', {}, A);
      const after = await Promise.all(visitors.map((visitor) => whoIs(visitor, B)));
      expect(after).toEqual(['nobody', ...names.slice(1)]);
    });
  },
);

import { describe, expect, it } from 'vitest';
import { eventOf } from '../../src/testing/storage-fixtures.js';
import { type Agent, API, createHost, signInWhole } from '../helpers/host.js';

async function createBusy() {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const events = Array.from({ length: 120 }, (_, index) =>
    eventOf('ada', {
      id: `event-${String(index).padStart(3, '0')}`,
      kind: 'login.completed',
      at: host.clock() - 1_000_000 + index,
      details: { factor: 'totp' },
    }),
  );
  await host.options.storage.recordEvents(events);
  return { host, agent: await signInWhole(host, 'ada', factor.code()) };
}

const readActivity = async (agent: Agent, path: string): Promise<string[]> => {
  const { text } = await agent.get(path).expect(200);
  return [...text.matchAll(/<time datetime="([^"]*)"/g)].map(([, time = '']) => time);
};

describe('activity', () => {
  it('is shown page by page, newest first', async () => {
    const { agent } = await createBusy();
    const times: string[] = [];
    let path: string | undefined = '/two-factor/activity';
    for (let page = 0; path !== undefined && page < 5; page += 1) {
      const { text }: { text: string } = await agent.get(path).expect(200);
      times.push(...(await readActivity(agent, path)));
      path = /href="([^"]*from=[^"]*)"/.exec(text)?.[1];
    }
    expect(times).toHaveLength(121);
    expect(times).toEqual([...times].sort().reverse());
  });

  it('is told page by page', async () => {
    const { agent } = await createBusy();
    const ids: string[] = [];
    let query = '';
    for (let page = 0; page < 3; page += 1) {
      const { body } = await agent.get(`${API}/activity/me${query}`).expect(200);
      ids.push(...(body.events as { id: string }[]).map(({ id }) => id));
      if (body.next === null) break;
      query = `?from=${encodeURIComponent(body.next)}`;
    }
    expect(ids).toHaveLength(121);
    expect(new Set(ids).size).toBe(121);
  });

  it.each(['x', '1', '1.', '.x', '1.x y', `${'9'.repeat(40)}.x`, '1.%00', '1.x&from=2.y', '[1]'])(
    'takes no other place to begin: %s',
    async (from) => {
      const { agent } = await createBusy();
      const { status, body } = await agent.get(`${API}/activity/me?from=${from}`);
      expect([status, body.code]).toEqual([400, 'request-invalid']);
      expect(await readActivity(agent, `/two-factor/activity?from=${from}`)).toHaveLength(50);
    },
  );

  it('is nobody else’s, but where the host lets an administrator see it', async () => {
    const { host, agent } = await createBusy();
    await host.secondFactor.revoke('bob');
    expect((await agent.get(`${API}/activity/bob`)).status).toBe(404);
    const { body } = await agent.get(`${API}/activity/me`);
    expect(JSON.stringify(body)).not.toContain('"bob"');
    const open = await createHost({
      options: { api: { authorize: (_r, _id, action) => action === 'status' } },
    });
    await open.secondFactor.revoke('bob');
    const seen = await (await open.signIn('ada')).get(`${API}/activity/bob`).expect(200);
    expect(seen.body.events).toHaveLength(1);
  });

  it('shows what it is told as text', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const authenticator = '<script>alert(1)</script>';
    const event = eventOf('ada', {
      kind: 'authenticator.added',
      details: { authenticator },
      browser: '<b>x</b>',
    });
    await host.options.storage.recordEvents([event]);
    const { text } = await agent.get('/two-factor/activity');
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toContain('<script>');
  });
});

import { describe, expect, it } from 'vitest';
import { readApiToken } from '../helpers/faces.js';
import {
  API,
  type Agent,
  answer,
  createHost,
  type Host,
  readTables,
  setUpFactor,
  signInWhole,
  whoIs,
  readFormToken,
} from '../helpers/host.js';
import { readDescription } from '../helpers/openapi.js';

const PATHS = [
  ...['', '/challenge', '/cancel', '/setup', '/backup-codes', '/backup-codes/saved', '/disable'],
  ...['/activity', '/backup-codes/used'],
  ...['/authenticators/any/name', '/authenticators/any/remove', '/sign-out-elsewhere'],
];

/** What works at the accounts: everything but what waits. */
function readAccounts(host: Host): Record<string, unknown[]> {
  return { ...readTables(host), two_factor_pending: [] };
}

/** All tables without set-ups that wait: whoever has proven the factor may open one, and it does nothing by itself. */
function readAllButSetUps(host: Host): Record<string, unknown[]> {
  const tables = readTables(host);
  const pending = tables['two_factor_pending'] as { purpose: string }[];
  return { ...tables, two_factor_pending: pending.filter(({ purpose }) => purpose !== 'enrolment') };
}

/** Opens every page as a link, an image or a prefetch could, with all that a form would have sent. */
async function openEverything(agent: Agent, code: string, page: string): Promise<number[]> {
  const token = readFormToken((await agent.get(page)).text);
  const fields = `second_factor_token=${token}&code=${code}&password=ada-password&_method=POST`;
  const statuses: number[] = [];
  for (const path of PATHS) {
    for (const query of ['', `?${fields}`, `?${fields}&return_to=/account&use=backup-code`]) {
      statuses.push((await agent.get(`/two-factor${path}${query}`)).status);
      statuses.push((await agent.head(`/two-factor${path}${query}`)).status);
      const withBody = await agent.get(`/two-factor${path}${query}`).type('form').send(fields);
      statuses.push(withBody.status);
    }
  }
  return statuses;
}

describe('R12 a link to a page', () => {
  it('changes nothing while a login is pending, and does not end it', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const before = readTables(host);
    const statuses = await openEverything(agent, factor.code(), '/two-factor/challenge');
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect(readTables(host)).toEqual(before);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it('changes nothing in a complete session with a factor', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    const before = readAllButSetUps(host);
    await openEverything(agent, factor.code(), '/two-factor/disable');
    await openEverything(agent, factor.backupCodes[0]!, '/two-factor/disable');
    expect(readAllButSetUps(host)).toEqual(before);
    expect(await whoIs(agent)).toBe('ada');
  });

  it('changes nothing while codes are proposed, and a visit to the page does not save them', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const { backupCodes, code } = await setUpFactor(host, agent);
    const before = readTables(host);
    await openEverything(agent, code(1), '/two-factor/disable');
    expect(readTables(host)).toEqual(before);
    expect((await agent.get('/two-factor/backup-codes')).text).toContain(backupCodes[0]);
  });

  it('changes nothing in a complete session without a factor: a setup only waits', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const before = readAccounts(host);
    await openEverything(agent, '123456', '/two-factor/setup');
    expect(readAccounts(host)).toEqual(before);
    expect(readAccounts(host)['two_factor_auth']).toEqual([]);
  });

  it.each(['put', 'patch', 'delete', 'options'] as const)('changes nothing with %s', async (method) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    const before = readTables(host);
    const second_factor_token = readFormToken((await agent.get('/two-factor/disable')).text);
    for (const path of PATHS)
      await agent[method](`/two-factor${path}`)
        .type('form')
        .send({ second_factor_token, code: factor.code() });
    expect(readTables(host)).toEqual(before);
  });
});

/** Opens every address of the API as a link, an image or a prefetch could, with all that a call would have sent. */
async function openEveryCall(agent: Agent, code: string): Promise<number[]> {
  const { paths } = await readDescription();
  const token = await readApiToken(agent);
  const fields = { code, password: 'ada-password', saved: true, name: 'New', authenticator_id: 'any' };
  const query = `Second-Factor-Token=${token}&code=${code}&saved=true&_method=POST`;
  const statuses: number[] = [];
  for (const path of Object.keys(paths).map((known) => API + known.replace('{user_id}', 'me'))) {
    for (const address of [path, `${path}?${query}`]) {
      const answers = [
        await agent.get(address).set('Second-Factor-Token', token),
        await agent.head(address).set('Second-Factor-Token', token),
        await agent.get(address).set({ 'Second-Factor-Token': token, 'X-HTTP-Method-Override': 'POST' }),
        await agent.get(address).set('Sec-Fetch-Site', 'same-origin').send(fields),
      ];
      statuses.push(...answers.map(({ status }) => status));
    }
  }
  return statuses;
}

describe('R12 a link to the API', () => {
  it('changes nothing while a login is pending, and does not end it', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const before = readTables(host);
    const statuses = await openEveryCall(agent, factor.code());
    expect(new Set(statuses)).toEqual(new Set([200, 401, 405]));
    expect(readTables(host)).toEqual(before);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it('changes nothing that works in a complete session with a factor: a set-up and new codes only wait', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    const before = readAccounts(host);
    await openEveryCall(agent, factor.code());
    await openEveryCall(agent, factor.backupCodes[0]!);
    expect(readAccounts(host)).toEqual(before);
    expect(await whoIs(agent)).toBe('ada');
    expect((await answer(await host.signIn('ada'), factor.backupCodes[0]!)).status).toBe(303);
  });

  it('changes nothing that works in a complete session without a factor', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const before = readAccounts(host);
    await openEveryCall(agent, '123456');
    expect(readAccounts(host)).toEqual(before);
    expect(readAccounts(host)['two_factor_auth']).toEqual([]);
  });

  it('opens nothing in a session whose proof is old', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    host.clock.advance(300_000);
    const before = readTables(host);
    await openEveryCall(agent, factor.code());
    expect(readTables(host)).toEqual(before);
  });

  it('reads no body: what only looks like a call does nothing, also at the addresses that a POST changes', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    const proposed = await agent.get(`${API}/backup-codes/me`);
    const again = await agent.get(`${API}/backup-codes/me`).send({ saved: true });
    expect(again.body).toEqual(proposed.body);
    expect(again.body.live).toBe(false);
    expect((await answer(await host.signIn('ada'), factor.backupCodes[0]!)).status).toBe(303);
  });

  it.each(['put', 'patch', 'delete', 'options'] as const)('changes nothing with %s: 405', async (method) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    const before = readTables(host);
    const { paths } = await readDescription();
    const token = await readApiToken(agent);
    for (const [path, methods] of Object.entries(paths)) {
      const response = await agent[method](API + path.replace('{user_id}', 'me'))
        .set('Second-Factor-Token', token)
        .send({ code: factor.code(), saved: true });
      const allow = Object.keys(methods).map((known) => (known === 'get' ? 'GET, HEAD' : 'POST'));
      expect([path, response.status, response.headers['allow']]).toEqual([path, 405, allow.join(', ')]);
      expect(response.body.code).toBe('method-not-allowed');
    }
    expect(readTables(host)).toEqual(before);
  });
});

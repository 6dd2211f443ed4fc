import { type Coverage, coverageToCsv, type PolicyOptions, type Storage } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import { faces, setUp } from '../helpers/faces.js';
import { answer, createHost, type Host, userOf } from '../helpers/host.js';

const DAY = 24 * 60 * 60_000;

async function list(host: Host, users: Parameters<Host['secondFactor']['service']['coverage']>[0]) {
  const rows: Coverage[] = [];
  for await (const row of host.secondFactor.service.coverage(users)) rows.push(row);
  return rows;
}

const usersOf = (host: Host): Express.User[] => ['ada', 'bob', 'eve'].map((id) => userOf(host, id));

function* makeUsers(count: number): Generator<Express.User> {
  for (let id = 0; id < count; id += 1) yield { id: `user-${String(id)}` };
}

describe('coverage', () => {
  it('tells who has one, who is in grace, who is overdue and of whom none is required', async () => {
    const required = (user: Express.User): boolean => (user as unknown as { id: string }).id !== 'eve';
    const policy: PolicyOptions = { required, grace: { days: 30 } };
    const host = await createHost({ options: { policy } });
    const start = host.clock();
    const none = { enrolBy: null, enabledAt: null, lastUsedAt: null };
    const [ada, bob, eve] = ['ada', 'bob', 'eve'].map((id) => ({
      userId: id,
      label: `${id}@service.example`,
      required: id !== 'eve',
    }));
    expect(await list(host, usersOf(host))).toEqual([
      { ...ada, ...none, state: 'in-grace' },
      { ...bob, ...none, state: 'in-grace' },
      { ...eve, ...none, state: 'not-required' },
    ]);
    await host.signIn('bob');
    const agent = await host.signIn('ada');
    const factor = await setUp(faces.API, host, agent);
    await answer(await host.signIn('ada'), factor.code(1));
    host.clock.advance(30 * DAY);
    expect(await list(host, usersOf(host))).toEqual([
      { ...ada, state: 'on', enrolBy: null, enabledAt: start, lastUsedAt: start },
      { ...bob, ...none, state: 'overdue', enrolBy: start + 30 * DAY },
      { ...eve, ...none, state: 'not-required' },
    ]);
  });

  it('says of a date for all what it is, and of none that it is over', async () => {
    const policy: PolicyOptions = { required: true };
    const host = await createHost({ options: { policy } });
    const [ada] = usersOf(host);
    expect((await list(host, [ada!]))[0]).toMatchObject({ state: 'overdue', enrolBy: null });
    const until = new Date(host.clock() + DAY);
    policy.grace = { until };
    expect((await list(host, [ada!]))[0]).toMatchObject({ state: 'in-grace', enrolBy: until.getTime() });
    host.clock.advance(DAY);
    expect((await list(host, [ada!]))[0]).toMatchObject({ state: 'overdue', enrolBy: until.getTime() });
    expect(await host.secondFactor.service.status('ada')).toMatchObject({ enrolBy: null });
  });

  it('reads 100,000 users as it goes, 500 at a time, and asks for no more than it gives', async () => {
    let [reads, taken] = [0, 0];
    const wrapStorage = (storage: Storage): Storage =>
      new Proxy(storage, {
        get(target, name: keyof Storage) {
          if (name !== 'findAccount' && name !== 'listAuthenticators' && name !== 'summarise')
            return target[name];
          reads += 1;
          return target[name];
        },
      });
    const host = await createHost({ wrapStorage });
    async function* counted(): AsyncGenerator<Express.User> {
      for (const user of makeUsers(100_000)) {
        taken += 1;
        yield user;
      }
    }
    reads = 0;
    let rows = 0;
    for await (const { state } of host.secondFactor.service.coverage(counted())) {
      rows += 1;
      expect(state).toBe('not-required');
      if (taken - rows > 500) throw new Error('It reads ahead.');
    }
    expect([rows, reads]).toEqual([100_000, 200]);
  });

  it('waits for ready(), refuses what is no user, and ends where the policy is unclear', async () => {
    const early = await createHost({ isReady: false });
    await expect(list(early, usersOf(early))).rejects.toMatchObject({ code: 'not-ready' });
    const host = await createHost({ options: { policy: { required: () => undefined as never } } });
    await expect(list(host, usersOf(host))).rejects.toThrow(/policy\.required must return true or false/);
    await expect(list(host, [{}])).rejects.toThrow(/options\.user\.id must return/);
  });
});

describe('coverageToCsv', () => {
  const row: Coverage = {
    userId: '7',
    label: 'ada@service.example',
    required: true,
    state: 'in-grace',
    enrolBy: Date.UTC(2026, 11, 24),
    enabledAt: null,
    lastUsedAt: null,
  };

  async function write(...rows: Coverage[]): Promise<string> {
    let csv = '';
    for await (const piece of coverageToCsv(rows)) csv += piece;
    return csv;
  }

  it('writes headings and one line for each, as RFC 4180 has it', async () => {
    expect(await write(row, { ...row, label: 'Ada "A", Lovelace\nII' })).toBe(
      'user_id,label,required,state,enrol_by,enabled_at,last_used_at\r\n' +
        '7,ada@service.example,true,in-grace,2026-12-24T00:00:00.000Z,,\r\n' +
        '7,"Ada ""A"", Lovelace\nII",true,in-grace,2026-12-24T00:00:00.000Z,,\r\n',
    );
    expect(await write()).toMatch(/^user_id,[^\n]*\r\n$/);
  });

  it.each(['=cmd|calc!A1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '|x', '\n=1', '＝1', '=1,"2"'])(
    'gives a spreadsheet no formula: %j',
    async (label) => {
      const [, line] = (await write({ ...row, label, userId: label }))
        .split('\r\n7,')[0]!
        .split(/last_used_at\r\n/);
      const text = line ?? '';
      const cells = [...text.matchAll(/"((?:[^"]|"")*)"|([^,]+)/g)].map(
        ([, quoted, plain]) => quoted ?? plain,
      );
      for (const cell of cells.slice(0, 2)) expect(cell).toMatch(/^'/);
    },
  );
});

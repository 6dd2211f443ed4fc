import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { released } from '../../src/storage/sql/migrations.js';
import { connect, kinds, newDatabase, openStorage, runSql } from './databases.js';

describe.each(kinds)('inspect over %s', (_, kind) => {
  it('finds no table in an empty database, and makes none', async () => {
    const storage = openStorage(kind, await newDatabase(kind));
    for (let time = 0; time < 2; time += 1) {
      const { schema, tables, records, clockAhead } = await storage.inspect(systemClock, 50);
      expect(schema).toEqual({ there: 0, known: released.length });
      expect(tables.map(({ rows }) => rows)).toEqual(tables.map(() => null));
      expect(tables.length).toBeGreaterThan(6);
      expect(records).toBeUndefined();
      expect(Math.abs(clockAhead ?? NaN)).toBeLessThan(5_000);
    }
  });

  it('takes no table of another place on the same server for ours', async () => {
    const [full, empty] = [await newDatabase(kind), await newDatabase(kind)];
    await openStorage(kind, full).migrate();
    const hide = 'create schema hidden; alter table two_factor_auth set schema hidden';
    if (kind === 'postgres') await runSql(kind, full, hide);
    const storage = openStorage(kind, kind === 'postgres' ? full : empty);
    const { tables } = await storage.inspect(systemClock, 50);
    expect(tables).toContainEqual({ name: 'two_factor_auth', rows: null });
  });

  it('waits for no lock that a writer holds', async () => {
    const url = await newDatabase(kind);
    const storage = openStorage(kind, url);
    await storage.migrate();
    const host = await connect(kind, url);
    await host.query('begin');
    await host.query(
      "insert into two_factor_auth (user_id, enabled_at, epoch, totp_failures, totp_delayed_until, backup_code_failures, backup_code_delayed_until) values ('ada', 1, 1, 0, 0, 0, 0)",
    );
    const { records } = await storage.inspect(systemClock, 50);
    expect(records?.users.enrolled).toBe(0);
    await host.close();
  });
});

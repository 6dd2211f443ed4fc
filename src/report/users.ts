import type { Inspection } from '../storage/storage.js';
import type { Look } from './look.js';
import type { Finding, Row, RowName } from '../findings.js';

/** @param total all users of the host; `undefined` where it does not say. */
export function describeUsers(inspection: Look<Inspection>, total: Look<number | undefined>): Finding {
  const count = total.seen;
  const users = inspection.seen?.records?.users;
  const rows: Row[] = [
    count === undefined
      ? { name: 'users', value: { word: total.fault ? 'fails' : 'not-looked-at' }, state: 'unknown' }
      : { name: 'users', value: count, state: count === 0 ? 'notice' : 'ok' },
  ];
  if (users) {
    rows.push({ name: 'enrolled', value: users.enrolled, state: 'ok' });
    if (count) {
      const percent = Math.round((100 * users.enrolled) / count);
      rows.push({ name: 'coverage', value: `${percent} %`, state: 'ok' });
    }
    const counted = (name: RowName & keyof typeof users, isWorthALook: boolean): Row => ({
      name,
      value: users[name],
      state: isWorthALook && users[name] > 0 ? 'notice' : 'ok',
    });
    rows.push(counted('failing', false), counted('delayed', false), counted('suspended', true));
  } else {
    rows.push({ name: 'enrolled', value: { word: 'not-looked-at' }, state: 'unknown' });
  }
  return {
    rows,
    problems: [
      ...(count === 0 ? [{ code: 'no-users', details: {} } as const] : []),
      ...(users?.suspended
        ? [{ code: 'users-suspended', details: { count: users.suspended } } as const]
        : []),
    ],
  };
}

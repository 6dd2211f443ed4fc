import type { Inspection } from '../storage/storage.js';
import type { Look } from './look.js';
import type { Finding, Found, Row } from '../findings.js';

export function describeTables({ seen, fault }: Look<Inspection>): Finding {
  if (fault !== undefined) {
    return {
      rows: [{ name: 'storage', value: { word: 'no-answer' }, state: 'problem' }],
      problems: [{ code: 'storage-unreachable', details: { reason: fault } }],
    };
  }
  const { schema, tables } = seen;
  return {
    rows: [
      { name: 'storage', value: { word: 'answers' }, state: 'ok' },
      {
        name: 'schema',
        value: schema.there,
        expected: schema.known,
        state: schema.there === schema.known ? 'ok' : 'problem',
      },
      ...tables.map(({ name, rows }): Row => ({
        name: 'table',
        of: name,
        value: rows ?? { word: 'missing' },
        state: rows === null ? 'problem' : 'ok',
      })),
    ],
    problems: judge(seen),
  };
}

function judge({ schema, tables }: Inspection): Found[] {
  const missing = tables.filter(({ rows }) => rows === null).map(({ name }) => name);
  if (schema.there > schema.known) return [{ code: 'schema-newer', details: schema }];
  if (schema.there < schema.known || missing.length > 0)
    return [{ code: 'not-migrated', details: { ...schema, missing } }];
  return [];
}

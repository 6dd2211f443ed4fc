import { describe, expect, it } from 'vitest';
import { describeReport } from '../../src/report/describe.js';
import { drawReport } from '../../src/report/draw.js';
import { type ProblemCode, type ProblemDetails, severities } from '../../src/findings.js';
import type { Report } from '../../src/findings.js';
import { report as en } from '../../src/texts/en/report.js';
import { report as id } from '../../src/texts/id/report.js';

/** Details of every problem, each value one that can be found again in the words. */
const details: ProblemDetails = {
  'switched-off': {},
  'development-mode': {},
  'storage-unreachable': { reason: 'ECONNREFUSED' },
  'not-migrated': { there: 0, known: 7, missing: ['two_factor_auth'] },
  'schema-newer': { there: 99, known: 77 },
  'no-users': {},
  'users-suspended': { count: 12 },
  'dependency-unsupported': { name: 'express', version: '3.21.2', range: '^4.21 || ^5' },
  'server-not-running': { url: 'http://a.example', reason: 'ECONNREFUSED' },
  'pages-not-mounted': { path: '/pages' },
  'api-not-mounted': { path: '/api' },
  'endpoint-wrong': { endpoints: ['GET /one: 500 (200)', 'GET /two: 404 (200)'] },
  'self-test-failed': { test: 'RFC 6238' },
  'keys-unavailable': { reason: 'ETIMEDOUT' },
  'key-missing': { keyId: '2026-11', records: 12 },
  'key-lost': { keyId: '2026-10', records: 12 },
  'seal-broken': { keyId: '2026-11', records: 12 },
  'session-store-memory': {},
  'session-store-unreachable': { store: 'RedisStore', reason: 'ETIMEDOUT' },
  'cookie-not-http-only': {},
  'cookie-not-secure': {},
  'cookie-same-site-none': {},
  'clock-off': { differences: [{ clock: 'redis', ahead: -91 }] },
  'answers-often-wrong': { wrong: 23, percent: 64 },
};

const problems = (Object.keys(severities) as ProblemCode[]).map((code) => ({
  code,
  severity: severities[code],
  section: 'configuration',
  details: details[code],
})) as unknown as Report['problems'];

const report: Report = {
  checkedAt: '2026-11-27T06:42:30.123Z',
  sections: [
    {
      id: 'tables',
      rows: [
        { name: 'schema', value: 0, expected: 1, state: 'problem' },
        { name: 'table', of: 'two_factor_auth', value: { word: 'missing' }, state: 'problem' },
        { name: 'cap', value: 50, expected: 50, state: 'ok' },
      ],
    },
  ],
  problems,
};

/** Every text of a catalogue, by its place. */
function textsOf(value: unknown, place = ''): [string, string][] {
  if (typeof value === 'string') return [[place, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => textsOf(each, `${place}.${name}`));
}

/** Every value in the details of a problem, as it is to be said. */
function leavesOf(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leavesOf);
  return [typeof value === 'number' ? String(Math.abs(value)) : String(value)];
}

/** Names that are the same in both languages. */
const names = /^\.(rows\.(mode|server|api|http-only|secure|same-site|cookie-path|clock-redis))$/;

describe('the catalogues', () => {
  it('say everything in words, and in Indonesian not in English', () => {
    const [english, indonesian] = [new Map(textsOf(en)), new Map(textsOf(id))];
    expect([...indonesian.keys()]).toEqual([...english.keys()]);
    for (const [place, text] of english) {
      expect(text.trim(), place).not.toBe('');
      if (!names.test(place)) expect(indonesian.get(place), place).not.toBe(text);
    }
  });

  it.each(['en', 'id'] as const)('say what each problem means and what to do (%s)', (language) => {
    const described = describeReport(report, language).problems;
    expect(described.map(({ code }) => code)).toEqual(Object.keys(severities));
    for (const [index, { code, meaning, action }] of described.entries()) {
      expect(meaning, code).toMatch(/^.{15,}\.$/);
      expect(action, code).toMatch(/^.{8,}[.)]$/);
      const said = `${meaning} ${action}`.toLowerCase();
      // Where tables are missing, their names say more than versions.
      const told = leavesOf(problems[index]?.details).filter(
        (leaf) => !(code === 'not-migrated' && /^\d$/.test(leaf)),
      );
      for (const leaf of told) expect(said, code).toContain(leaf.toLowerCase());
    }
    expect(new Set(described.map(({ meaning }) => meaning)).size).toBe(described.length);
  });

  it('tell which way a clock is off', () => {
    const say = (ahead: number): string =>
      en.problems['clock-off']({ differences: [{ clock: 'database', ahead }] }).meaning;
    expect(say(90)).toContain('the database is 90 s ahead');
    expect(say(-90)).toContain('the database is 90 s behind');
  });
});

describe('drawReport', () => {
  it('shows what is wrong first, in lines that fit', () => {
    const text = drawReport(report, { language: 'id', width: 72 });
    expect(text.split('\n').slice(0, 4)).toEqual([
      'Faktor kedua: laporan status',
      'Diperiksa pada 2026-11-27 06:42:30 UTC',
      '',
      '19 masalah, 5 catatan',
    ]);
    expect(text.indexOf('MASALAH: clock-off')).toBeLessThan(text.indexOf('\nTabel\n'));
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(72);
  });

  it('shows what is expected only where it is not found', () => {
    const text = drawReport(report, { language: 'en' });
    expect(text).toMatch(/^PROBLEM +migrated to version +0 \(expected: 1\)$/m);
    expect(text).toMatch(/^PROBLEM +two_factor_auth +missing$/m);
    expect(text).toMatch(/^ok +failures that suspend +50$/m);
  });

  it('says in one line that everything is in order', () => {
    expect(drawReport({ ...report, problems: [] }, { language: 'en' })).toContain(
      '\n\nEverything is in order.\n\n',
    );
  });
});

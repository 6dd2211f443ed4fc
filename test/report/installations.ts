import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { drawReport } from '../../src/report/draw.js';
import type { Report } from '../../src/findings.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The configuration of the example, and what is broken on purpose beside it. */
export const configs = {
  example: `${root}examples/identity-server/second-factor.config.js`,
  clockOff: `${root}test/report/config-clock-off.mjs`,
  memoryStore: `${root}test/report/config-memory-store.mjs`,
};

export interface Outcome {
  code: number | null;
  out: string;
  errors: string;
}

/** Runs the built command, as people do. */
export async function runReport(environment: Record<string, string>, ...args: string[]): Promise<Outcome> {
  const command = [`${root}dist/cli/main.js`, 'report', ...args];
  const child = spawn(process.execPath, command, {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
  });
  let [out, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, errors };
}

export interface Printed extends Report {
  exitCode: number;
  problems: (Report['problems'][number] & { meaning: string; action: string })[];
}

/** One run, drawn in both languages as the command does it. */
export async function lookAt(
  environment: Record<string, string>,
  config: string,
  ...args: string[]
): Promise<{ printed: Printed; en: string; id: string; code: number | null }> {
  const { code, out, errors } = await runReport(environment, '--config', config, '--json', ...args);
  expect(errors).toBe('');
  const printed = JSON.parse(out) as Printed;
  expect(printed.exitCode).toBe(code);
  const [en, id] = (['en', 'id'] as const).map((language) => drawReport(printed, { language }));
  return { printed, en: en ?? '', id: id ?? '', code };
}

export function problemCodes({ problems }: Report): string[] {
  return problems.filter(({ severity }) => severity === 'problem').map(({ code }) => code);
}

/** What a value of the environment must never show: keys and passwords, also where they stand in an address. */
export function secretsOf(environment: Record<string, string>): string[] {
  const { SESSION_SECRET = '', TWO_FACTOR_KEYS = '', REDIS_URL = '' } = environment;
  const keys = TWO_FACTOR_KEYS.split(',').map((pair) => pair.slice(pair.indexOf(':') + 1));
  const raw = keys.map((key) => Buffer.from(key, 'base64').toString('hex'));
  const password = URL.canParse(REDIS_URL) ? new URL(REDIS_URL).password : '';
  return [SESSION_SECRET, ...keys, ...raw, password].filter((secret) => secret !== '');
}

export function expectNoneOf(secrets: readonly string[], text: string): void {
  expect(secrets.length).toBeGreaterThan(0);
  for (const secret of secrets) expect(text.includes(secret), 'a secret was printed').toBe(false);
}

/** The codes of the table in docs/report.md, with their severity. */
export function documentedProblems(): [code: string, severity: string][] {
  const page = readFileSync(`${root}docs/report.md`, 'utf8');
  return [...page.matchAll(/^\| `([\w-]+)`\s+\| (problem|notice)\s+\|/gm)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
  ]);
}

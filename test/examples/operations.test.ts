import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { findFreePort } from '../helpers/databases-programs.js';
import { createInstallation, type ExampleServer, startExample } from '../helpers/example-server.js';
import { redisUrl } from '../helpers/redis.js';
import { type KeptFactor, passwordOf, Visitor } from '../helpers/visitor.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const installation = createInstallation(redisUrl());
let server: ExampleServer;
let metricsUrl: string;
let factor: KeptFactor;
const secrets: string[] = [];

/** A day of somebody at a server in production that logs all it can. */
beforeAll(async () => {
  const port = String(await findFreePort());
  metricsUrl = `http://127.0.0.1:${port}/metrics`;
  server = await startExample({
    ...installation.environment,
    ...{ NODE_ENV: 'production', LOG_LEVEL: 'debug', METRICS_PORT: port, DRAIN_SECONDS: '3' },
  });
  const ada = new Visitor([server.url]);
  await ada.register('ada-lovelace');
  const setup = await ada.get('/two-factor/setup');
  const key = (/id="setup-key">([^<]+)</.exec(setup.text)?.[1] ?? '').replaceAll(' ', '');
  factor = await ada.setUp();
  const again = new Visitor([server.url]);
  await again.signIn('ada-lovelace', { password: 'a wrong password' });
  await again.signIn('ada-lovelace');
  secrets.push(decodeURIComponent(again.cookie('sid') ?? ''));
  await again.answer('000000');
  await again.answer(factor.backupCodes[0] ?? '');
  await again.get('/login?token=of-a-mailed-link');
  secrets.push(
    key,
    passwordOf('ada-lovelace'),
    'a wrong password',
    'of-a-mailed-link',
    ...factor.backupCodes,
  );
  secrets.push(...[ada, again].map((visitor) => decodeURIComponent(visitor.cookie('sid') ?? '')));
  secrets.push(...['SESSION_SECRET', 'TWO_FACTOR_KEYS'].map((name) => installation.environment[name] ?? ''));
});

afterAll(async () => {
  await server.stop();
  installation.remove();
});

it('R8 the log has each request and each event, and no secret', async () => {
  await vi.waitFor(() => expect(server.lines.join('\n')).toContain('backup-code.used'), 10_000);
  const records = server.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records).toContainEqual(
    expect.objectContaining({ msg: 'request', method: 'POST', path: '/login', status: 401 }),
  );
  expect(records).toContainEqual(expect.objectContaining({ msg: 'second factor', kind: 'factor.enabled' }));
  const log = server.lines.join('\n');
  for (const secret of secrets) {
    expect(secret).not.toBe('');
    expect(log).not.toContain(secret);
    // A session is found by the part of its cookie in front of the signature.
    expect(log).not.toContain(secret.replace(/^s:/, '').split('.')[0]);
  }
});

it('every counter of the dashboard is there for Prometheus, and nobody is named in any', async () => {
  const dashboard = readFileSync(
    fileURLToPath(new URL('../../docs/dashboard.json', import.meta.url)),
    'utf8',
  );
  const wanted = new Set(dashboard.match(/second_factor_\w+/g));
  const metrics = await (await fetch(metricsUrl)).text();
  expect(wanted.size).toBeGreaterThan(4);
  for (const name of wanted) expect(metrics).toContain(`\n${name}{`);
  for (const secret of [...secrets, 'ada-lovelace']) expect(metrics).not.toContain(secret);
});

it('says why it is not ready, and goes on for a while, when it is to end', async () => {
  const ready = (): Promise<Response> => fetch(`${server.url}/readyz`);
  expect(await (await ready()).json()).toEqual({ status: 'ok', sessions: 'ok', database: 'ok' });
  const ending = server.stop();
  await vi.waitFor(async () => expect((await ready()).status).toBe(503), 10_000);
  expect(await (await ready()).json()).toEqual({ status: 'stopping', sessions: 'ok', database: 'ok' });
  expect(await (await fetch(`${server.url}/healthz`)).json()).toEqual({ status: 'ok' });
  expect((await fetch(`${server.url}/login`)).status).toBe(200);
  await ending;
  await expect(ready()).rejects.toThrow();
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { runProgram } from '../helpers/program.js';
import { sessionsUrl } from '../helpers/redis.js';

/** With codes of a program that is not ours. */
describe('the life of a second factor by the JSON API, with oathtool', { timeout: 120_000 }, () => {
  let installation: Installation;
  let server: ExampleServer;
  beforeAll(async () => {
    installation = createInstallation(sessionsUrl());
    server = await startExample(installation.environment);
  });
  afterAll(async () => {
    await server.stop();
    installation.remove();
  });

  it('goes by curl', async () => {
    const { code, lines, errors } = await runProgram('examples/json-api/curl.sh', server.url);
    expect(errors).toBe('');
    expect(code).toBe(0);
    const calls = lines.map((line) => line.replace('/api/v1/two-factor', '').split(/ +/, 3).join(' '));
    expect(calls).toEqual([
      'POST /register 201',
      'GET /setup/me 200',
      'POST /enable/me 200',
      'POST /backup-codes/me 200',
      'GET /status/me 200',
      'POST /logout 204',
      'POST /login 401',
      'POST /verify/me 200',
      'POST /verify/me 422',
      'POST /verify-backup/me 200',
      'GET /backup-codes/me 200',
      'POST /backup-codes/me 200',
      'POST /rename/me 200',
      'GET /setup/me 200',
      'POST /enable/me 200',
      'GET /status/me 200',
      'POST /remove/me 200',
      'POST /logout 204',
      'POST /login 401',
      'POST /verify-backup/me 422',
      'POST /verify-backup/me 200',
      'POST /disable/me 200',
      'POST /logout 204',
      'POST /login 200',
      'GET /status/me 200',
      'Everything went as',
    ]);
  });

  it('goes by the example client', async () => {
    const codes = 'oathtool --totp --base32 --now "$AT" "$SECRET"';
    const { code, errors } = await runProgram('node', 'examples/json-api/dist/main.js', server.url, codes);
    expect([code, errors]).toEqual([0, '']);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { runProgram } from '../helpers/program.js';
import { redisUrl } from '../helpers/redis.js';

const client = ['node', 'examples/json-api/dist/main.js'] as const;

describe('the example client of the JSON API', { timeout: 120_000 }, () => {
  let installation: Installation;
  let server: ExampleServer;
  beforeAll(async () => {
    installation = createInstallation(redisUrl());
    server = await startExample(installation.environment);
  });
  afterAll(async () => {
    await server.stop();
    installation.remove();
  });

  it('lives the whole life of a second factor by the API alone', async () => {
    const { code, lines, errors } = await runProgram(...client, server.url);
    expect(errors).toBe('');
    expect(code).toBe(0);
    expect(lines.map((line) => line.split(/\s+/, 2).join(' '))).toEqual([
      'register ok',
      'getSetup ok',
      'enable ok',
      'saveBackupCodes ok',
      'getStatus ok',
      'logout ok',
      'login 401',
      'verify ok',
      'verify 422',
      'verifyBackup ok',
      'getBackupCodes ok',
      'saveBackupCodes ok',
      'renameAuthenticator ok',
      'getSetup ok',
      'enable ok',
      'getStatus ok',
      'removeAuthenticator ok',
      'logout ok',
      'login 401',
      'verifyBackup 422',
      'verifyBackup ok',
      'disable ok',
      'logout ok',
      'login ok',
      'getStatus ok',
      'Everything went',
    ]);
    expect(lines[6]).toContain('"code":"second-factor-required","factors":["totp","backup-code"]');
    expect(lines[8]).toContain('"code":"code-used"');
    expect(lines.at(-2)).toContain('"enabled":false');
  });

  it('stops at a code that is not right', async () => {
    const { code, lines, errors } = await runProgram(...client, server.url, 'echo no code');
    expect([code, lines.length, errors]).toEqual([
      1,
      2,
      expect.stringMatching(/^code-malformed: Enter the 6/),
    ]);
  });

  it('stops where there is no server', async () => {
    const { code, lines, errors } = await runProgram(...client, 'http://localhost:9');
    expect([code, lines, errors]).toEqual([1, [], expect.stringContaining('fetch failed')]);
  });
});

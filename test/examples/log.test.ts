import { expect, it, vi } from 'vitest';
import { log } from '../../examples/identity-server/src/log.js';

it('R8 what is logged by mistake is censored by its name, and errors bring nothing along', () => {
  const written: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void written.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void written.push(text));
  const secret = 'a-secret-of-somebody';
  log.info(
    {
      password: secret,
      req: { headers: { cookie: secret, authorization: secret }, url: `/?token=${secret}` },
    },
    'request',
  );
  log.info({ fields: { code: secret, backupCodes: [secret] }, body: { any: secret } }, 'form');
  log.error({ err: Object.assign(new Error('Redis is away'), { command: { args: [secret] } }) }, 'failed');
  expect(written).toHaveLength(3);
  expect(written.join('\n')).not.toContain(secret);
  expect(written[0]).toContain('***');
  expect(written[2]).toMatch(/^failed Error: Redis is away\n +at/);
});

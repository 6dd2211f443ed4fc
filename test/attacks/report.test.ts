import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawReport } from 'passport-second-factor';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../src/cli/config.js';
import { createHost } from '../helpers/host.js';

describe('R8 the status report', () => {
  it('shows no password of the address that it was told to look at', async () => {
    const { secondFactor } = await createHost();
    const report = await secondFactor.report({ url: 'http://admin:topsecretword@127.0.0.1:9/' });
    expect(JSON.stringify(report)).not.toMatch(/topsecretword|admin/);
    expect(drawReport(report, { language: 'en' })).toContain('http://127.0.0.1:9/');
  });

  it('lets whoever answers there neither write lines of it nor steer the terminal', async () => {
    const code = `\u001b]0;title\u0007\u001b[31m\nok  forged line\u2028\u202e${'x'.repeat(100_000)}`;
    const server = createServer((_request, response) => {
      response.writeHead(401, {
        'Content-Type': 'application/problem+json',
        'Set-Cookie': 'sid=s%3Aabc.def; Path=/\u009b31m',
      });
      response.end(JSON.stringify({ code }));
    }).listen(0);
    onTestFinished(() => void server.close());
    const { secondFactor } = await createHost();
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const text = drawReport(await secondFactor.report({ url }), { language: 'en', width: 1_000 });
    expect(text).toContain('forged line');
    expect(text).not.toMatch(/^ok +forged/m);
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(text.length).toBeLessThan(20_000);
  });

  it.each(['s3cr@et', 's3cr/et', 's3cr@e/t@'])(
    'quotes no part of the password %s where the configuration throws',
    async (password) => {
      const folder = mkdtempSync(join(tmpdir(), 'config-'));
      onTestFinished(() => {
        rmSync(folder, { recursive: true });
      });
      const file = join(folder, 'second-factor.config.mjs');
      writeFileSync(
        file,
        `throw new Error('No answer of postgres://app:${password}@db.example/app, sorry.');`,
      );
      const fault = await readConfig(file).catch((error: unknown) => error);
      expect(String(fault)).toContain('No answer of postgres://…@db.example/app, sorry.');
    },
  );
});

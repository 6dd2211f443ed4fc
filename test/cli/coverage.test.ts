import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createInstallation, type ExampleServer, startExample } from '../helpers/example-server.js';
import { runCommand } from '../helpers/program.js';
import { redisUrl } from '../helpers/redis.js';
import { Visitor } from '../helpers/visitor.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
const { environment, remove } = createInstallation(redisUrl(), {
  TWO_FACTOR_REQUIRED: 'all',
  TWO_FACTOR_GRACE_DAYS: '14',
  ADMINISTRATORS: 'ada',
});
let server: ExampleServer;
let [ada, bob] = [new Visitor([]), new Visitor([])];

const example = join(root, 'examples/identity-server/second-factor.config.js');

function run(...args: string[]) {
  const config = args.includes('--config') ? [] : ['--config', example];
  return runCommand(environment, 'export', ...args, ...config);
}

beforeAll(async () => {
  server = await startExample(environment);
  [ada, bob] = [new Visitor([server.url]), new Visitor([server.url])];
  await ada.register('ada');
  await ada.setUp();
  await bob.register('bob');
});

afterAll(async () => {
  await server.stop();
  remove();
});

describe('second-factor export coverage', () => {
  it('writes CSV', async () => {
    const { code, out, err } = await run('coverage');
    expect([code, err]).toEqual([0, '']);
    const [head, ...lines] = out.trimEnd().split('\r\n');
    expect(head).toBe('user_id,label,required,state,enrol_by,enabled_at,last_used_at');
    expect(lines.map((line) => line.replace(/^[^,]+,/, '').replace(/\d{4}-[^,]+/g, 'TIME')).sort()).toEqual([
      'ada,true,on,,TIME,',
      'bob,true,in-grace,TIME,,',
    ]);
  });

  it('writes JSON', async () => {
    const { code, out } = await run('coverage', '--format', 'json');
    const rows = JSON.parse(out) as { label: string; state: string }[];
    expect([code, rows.map(({ label, state }) => `${label} ${state}`).sort()]).toEqual([
      0,
      ['ada on', 'bob in-grace'],
    ]);
  });

  it('says what it cannot do', async () => {
    expect(await run()).toMatchObject({ code: 2, err: expect.stringMatching(/^Say what to export/) });
    expect(await run('users')).toMatchObject({ code: 2 });
    expect(await run('coverage', '--format', 'xml')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/csv or json/),
    });
    expect(await run('coverage', '--format', 'toString')).toMatchObject({ code: 2 });
    expect(await run('--help')).toMatchObject({ code: 0 });
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    const file = join(folder, 'second-factor.config.js');
    writeFileSync(file, `export { default, close } from ${JSON.stringify(example)};`);
    const { code, err } = await run('coverage', '--config', file);
    rmSync(folder, { recursive: true });
    expect([code, err.trim()]).toEqual([2, `${file} exports no users: a function that returns all of them.`]);
  });
});

describe('the example server', () => {
  it('shows administrators who has one, as a page and as a file, and nobody else', async () => {
    const page = await ada.get('/admin/coverage');
    expect(page.status).toBe(200);
    expect(page.text).toMatch(/bob<\/th>\s*<td role="cell">In grace</);
    const file = await ada.get('/admin/coverage.csv');
    expect([file.status, file.contentType]).toEqual([200, 'text/csv; charset=utf-8']);
    expect(file.text).toBe((await run('coverage')).out);
    expect(await bob.get('/two-factor/required')).toMatchObject({ status: 200 });
    for (const path of ['/admin/coverage', '/admin/coverage.csv']) {
      expect((await bob.get(path)).status).toBe(404);
      expect((await new Visitor([server.url]).get(path)).status).toBe(404);
    }
    await bob.submit('/two-factor/later', {}, '/two-factor/required');
    expect((await bob.get('/account')).status).toBe(200);
    expect((await bob.get('/admin/coverage.csv')).status).toBe(404);
  });
});

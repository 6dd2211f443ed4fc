import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { Visitor } from '../helpers/visitor.js';

const folder = fileURLToPath(new URL('../../examples/cluster/', import.meta.url));

async function startCluster(): Promise<{ url: string; processes: number[] }> {
  const env = { ...process.env, PORT: '0' };
  const child = spawn(process.execPath, [`${folder}start.js`], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  });
  const processes: number[] = [];
  for await (const line of createInterface({ input: child.stdout }).on('close', () => undefined)) {
    const pid = /^node \d: .* process (\d+)/.exec(line)?.[1];
    if (pid !== undefined) processes.push(Number(pid));
    const url = /^Open (\S+);/.exec(line)?.[1];
    if (url !== undefined) return { url, processes };
  }
  throw new Error('The cluster did not start.');
}

it(
  'goes on behind the balancer while nodes are killed, until none is left',
  { timeout: 60_000 },
  async () => {
    const { url, processes } = await startCluster();
    const [ada, half] = [new Visitor([url]), new Visitor([url])];
    await ada.register('ada');
    const { backupCodes } = await ada.setUp();
    expect((await half.signIn('ada')).location).toBe('/two-factor/challenge');
    const [first = 0, second = 0, third = 0] = processes;

    process.kill(first, 'SIGKILL');
    for (let n = 0; n < 6; n += 1) expect((await ada.get('/account')).status).toBe(200);
    process.kill(second, 'SIGKILL');
    // The balancer does not send a form again by itself; a page that it was left out for comes from the next node.
    for (let n = 0; n < 6; n += 1) expect((await half.get('/two-factor/challenge')).status).toBe(200);
    expect((await half.answer(backupCodes[0] ?? '')).location).toContain('/backup-codes/used');
    expect(await half.isSignedIn()).toBe(true);
    process.kill(third, 'SIGKILL');
    expect((await ada.get('/account')).status).toBe(502);
  },
);

interface Compose {
  services: Record<string, { environment?: Record<string, string>; healthcheck?: { test: string[] } }>;
}

it('the file for containers has the same parts, and names settings that the nodes know', () => {
  const { services } = parse(readFileSync(`${folder}compose.yaml`, 'utf8'), { merge: true }) as Compose;
  expect(Object.keys(services)).toEqual(['node-1', 'node-2', 'node-3', 'balancer', 'database', 'sessions']);
  const known = readFileSync(`${folder}../../.env.example`, 'utf8');
  const nodes = Object.entries(services).filter(([name]) => name.startsWith('node-'));
  for (const [, { environment = {}, healthcheck }] of nodes) {
    expect(healthcheck?.test.join(' ')).toContain('/readyz');
    for (const name of Object.keys(environment)) expect(known).toContain(`\n${name}=`);
  }
  const balancer = readFileSync(`${folder}nginx.conf`, 'utf8');
  for (const [name] of nodes) expect(balancer).toContain(`server ${name}:3000`);
});

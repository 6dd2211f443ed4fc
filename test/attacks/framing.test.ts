import { describe, expect, it } from 'vitest';
import { faces, setUp } from '../helpers/faces.js';
import { API, type Agent, createHost } from '../helpers/host.js';

const pages = ['', '/setup', '/challenge', '/challenge?return_to=%2Faccount', '/disable', '/backup-codes'];
const calls = ['/session', '/status/me', '/setup/me', '/backup-codes/me', '/openapi.json'];

/** Pages and answers that may be shown in a frame: where a click on them is no longer the visitor's own. */
async function findFrameable(agent: Agent): Promise<string[]> {
  const addresses = [...pages.map((page) => `/two-factor${page}`), ...calls.map((path) => API + path)];
  const frameable: string[] = [];
  for (const address of addresses) {
    const { headers, status } = await agent.get(address);
    const policy = headers['content-security-policy'] ?? '';
    const isPage = (headers['content-type'] ?? '').includes('html') && status < 300;
    const isRefused = policy.includes("frame-ancestors 'none'");
    if (!isRefused || (isPage && headers['x-frame-options'] !== 'DENY')) frameable.push(address);
  }
  return frameable;
}

describe('R11 a site that shows our pages in a frame', () => {
  it('shows none, whatever the visitor’s session is', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const pending = await host.signIn('ada');
    const whole = await host.signIn('bob');
    expect(await findFrameable(host.agent())).toEqual([]);
    expect(await findFrameable(pending)).toEqual([]);
    expect(await findFrameable(whole)).toEqual([]);
    await setUp(faces.pages, host, whole);
    expect(await findFrameable(whole)).toEqual([]);
    await faces.pages.answer(pending, factor.code());
    expect(await findFrameable(pending)).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { emailOf, Visitor } from '../helpers/visitor.js';
import { Application, root } from './application.js';

// It starts a process, and a machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

it('the quick start of the README stands in the example line by line, in this order', () => {
  const [, snippet = ''] = /```ts\n([^]*?)```/.exec(read('README.md')) ?? [];
  const missing = snippet.replaceAll(' as const', '').split('\n').filter(Boolean);
  expect(missing.length).toBeGreaterThan(10);
  for (const line of read('examples/minimal/app.js').split('\n')) if (line === missing[0]) missing.shift();
  expect(missing).toEqual([]);
});

const application = new Application('minimal');
beforeAll(() => application.start('app.js'));
afterAll(() => application.remove());

it('the example signs in with a password, and from the set-up on with a code', async () => {
  const visitor = new Visitor([application.url]);
  const signIn = (): ReturnType<Visitor['signIn']> => visitor.signIn('ada', { email: emailOf('ada') });
  expect((await signIn()).location).toBe('/account');
  const factor = await visitor.setUp();
  await visitor.submit('/logout', {}, '/account');
  expect(await visitor.isSignedIn()).toBe(false);
  expect((await signIn()).location).toBe('/two-factor/challenge');
  expect(await visitor.isSignedIn()).toBe(false);
  expect((await visitor.answer(factor.code(1))).location).toBe('/account');
  expect(await visitor.isSignedIn()).toBe(true);
});

import { expect, it, vi } from 'vitest';
import { newDatabase } from '../databases/databases.js';
import { emailOf, type Visitor } from '../helpers/visitor.js';
import { running, signIn, tellStory, visit } from './story.js';

// It starts processes, and a machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** @returns where the new password leads to. */
async function resetPassword(visitor: Visitor, name: string): Promise<string | null> {
  const { lines } = running.application;
  const start = `Mail to ${emailOf(name)}: `;
  await visitor.submit('/forgot', { email: emailOf(name) });
  await vi.waitFor(() => expect(lines.at(-1)).toContain(start), 10_000);
  const link = lines.at(-1)?.slice(start.length) ?? '';
  return (await visitor.submit(link, { password: 'a newer long password' })).location;
}

tellStory({
  folder: 'express-5-postgres',
  main: 'server.js',
  environment: async () => ({ DATABASE_URL: await newDatabase('postgres') }),
  enter: (visitor, name) => visitor.register(name),
  home: '/clients',
  // Which leads to /clients.
  afterCode: '/',
  routes: [
    'GET /',
    'GET /login',
    'GET /register',
    'GET /forgot',
    'GET /reset/unknown',
    'GET /clients',
    'GET /account',
    'POST /login',
  ],

  more() {
    it('a password reset, which signs in, is held, and ends the sessions of before', async () => {
      const elsewhere = visit();
      await signIn(elsewhere, 'bob');
      await elsewhere.answer(running.bob.backupCodes[1] ?? '');
      expect(await elsewhere.isSignedIn()).toBe(true);

      const visitor = visit();
      expect(await resetPassword(visitor, 'bob')).toBe('/two-factor/challenge');
      expect([await visitor.isSignedIn(), await elsewhere.isSignedIn()]).toEqual([false, false]);
      await visitor.answer(running.bob.backupCodes[2] ?? '');
      expect(await visitor.isSignedIn()).toBe(true);
    });

    it('a password reset signs in as before who has no second factor', async () => {
      const visitor = visit();
      await visitor.register('cyd');
      expect(await resetPassword(visit(), 'cyd')).toBe('/clients');
    });
  },
});

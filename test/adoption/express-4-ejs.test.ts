import { expect, it, vi } from 'vitest';
import { running, signIn, tellStory, visit } from './story.js';

// It starts processes, and a machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

tellStory({
  folder: 'express-4-ejs',
  main: 'app.js',
  packages: { express: 'express-4', passport: 'passport-0.6', 'express-session': 'express-session-1.18' },
  enter: (visitor, name) => visitor.register(name),
  home: '/notes',
  routes: [
    'GET /',
    'GET /login',
    'GET /register',
    'GET /account',
    'GET /notes',
    'POST /login',
    'POST /register',
    'POST /notes',
  ],

  more() {
    it('csurf keeps on refusing: the forms of the application, and ours, though ours have a token too', async () => {
      const visitor = visit();
      await visitor.register('cyd');
      expect((await visitor.submit('/notes', { text: 'by a form' })).status).toBe(302);
      expect((await visitor.post('/notes', { text: 'forged' })).status).toBe(403);
      const { text } = await visitor.get('/notes');
      expect([text.includes('by a form'), text.includes('forged')]).toEqual([true, false]);

      expect(await signIn(visitor, 'bob')).toBe('/two-factor/challenge');
      const hidden = await visitor.hidden('/two-factor/challenge');
      const code = running.bob.backupCodes[1] ?? '';
      for (const name of ['_csrf', 'second_factor_token']) {
        expect(hidden).toHaveProperty(name);
        const fields = { ...hidden, code, [name]: '' };
        expect((await visitor.post('/two-factor/challenge', fields)).status).toBe(403);
      }
      await visitor.post('/two-factor/challenge', { ...hidden, code });
      expect(await visitor.isSignedIn()).toBe(true);
      expect((await visitor.submit('/notes', { text: 'after the code' })).status).toBe(302);
    });

    it('a login goes on to the page that was asked for, past the code', async () => {
      const dan = visit();
      await dan.register('dan');
      const { code } = await dan.setUp();
      const visitor = visit();
      expect((await visitor.get('/account')).location).toBe('/login');
      expect(await signIn(visitor, 'dan')).toBe('/two-factor/challenge');
      expect((await visitor.answer(code(1))).location).toBe('/account');
    });
  },
});

import { afterAll, expect, it, vi } from 'vitest';
import { type IdentityProvider, startIdentityProvider } from '../helpers/identity-provider.js';
import type { Visitor } from '../helpers/visitor.js';
import { running, signIn, tellStory, visit } from './story.js';

// It starts processes, and a machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let provider: IdentityProvider | undefined;
afterAll(() => provider?.close());

/** Goes to the provider, where `name` is signed in, and comes back. @returns where that leads to. */
async function signInAtProvider(visitor: Visitor, name: string): Promise<string | null> {
  provider!.account = { sub: `provider-${name}`, preferred_username: name };
  const { location } = await visitor.get('/auth/provider');
  const back = await fetch(location ?? '', { redirect: 'manual' });
  const path = back.headers.get('Location')?.slice(running.application.url.length) ?? '';
  return (await visitor.get(path)).location;
}

tellStory({
  folder: 'password-and-oauth2',
  main: 'server.js',
  async environment() {
    provider ??= await startIdentityProvider();
    return provider.environment;
  },
  enter: signIn,
  home: '/photos',
  routes: [
    'GET /',
    'GET /login',
    'GET /photos',
    'GET /account',
    'GET /api/photos',
    'GET /auth/provider/callback?error=access_denied',
    'POST /login',
  ],

  more() {
    it('a login at the provider is held like one by password', async () => {
      const visitor = visit();
      expect(await signInAtProvider(visitor, 'bob')).toBe('/two-factor/challenge');
      expect(await visitor.isSignedIn()).toBe(false);
      expect((await visitor.get('/api/photos')).status).toBe(401);
      await visitor.answer(running.bob.backupCodes[1] ?? '');
      expect(await visitor.isSignedIn()).toBe(true);
      expect(JSON.parse((await visitor.get('/api/photos')).text)).toMatchObject({ owner: 2 });
    });

    it('who has no second factor enters by the provider as before, known or new', async () => {
      for (const name of ['ada', 'eve']) {
        const visitor = visit();
        expect(await signInAtProvider(visitor, name)).toBe('/photos');
        expect((await visitor.get('/photos')).text).toContain(`Photos of ${name}`);
      }
    });
  },
});

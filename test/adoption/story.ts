import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, type KeptFactor, Visitor } from '../helpers/visitor.js';
import { Application, type Version } from './application.js';

/** An application before and after its move, and what there is to see in it. */
export interface Adoption {
  folder: string;
  /** Its start file in the folder of a version. */
  main: string;
  /** As `Application` takes them. */
  packages?: Record<string, string>;
  environment?(): Promise<Record<string, string>>;
  /** Makes somebody's account, and signs in. */
  enter(visitor: Visitor, name: string): Promise<unknown>;
  /** Where a login leads to. */
  home: string;
  /** Where one leads to past the code, if its route says that where only a complete login comes to. Default `home`. */
  afterCode?: string;
  /** Every route of the application, before and after. Those of POST are sent without fields. */
  routes: `${'GET' | 'POST'} ${string}`[];
  /** What only this application has, after the move; `bob` has a second factor. */
  more?(): void;
}

export const running = {} as { application: Application; bob: KeptFactor };

export const visit = (): Visitor => new Visitor([running.application.url]);

export const signIn = async (visitor: Visitor, name: string): Promise<string | null> =>
  (await visitor.signIn(name, { email: emailOf(name) })).location;

/** What a visitor gets of each route. Tokens of forms differ, and lengths with them: where it leads is what counts. */
async function walk(adoption: Adoption, visitor: Visitor): Promise<string[]> {
  const answers: string[] = [];
  for (const route of adoption.routes) {
    const [method, path = ''] = route.split(' ');
    const { status, location } = await (method === 'GET' ? visitor.get(path) : visitor.post(path, {}));
    answers.push([route, status, location ?? ''].join(' ').trimEnd());
  }
  return answers;
}

export function tellStory(adoption: Adoption): void {
  /** What nobody and somebody signed in got of each route before. */
  const before = {} as { nobody: string[]; somebody: string[] };

  async function start(version: Version): Promise<void> {
    const { folder, main, packages, environment } = adoption;
    running.application = new Application(`adoption/${folder}`, packages, await environment?.());
    await running.application.start(`${version}/${main}`);
  }

  describe('before', () => {
    beforeAll(() => start('before'));
    afterAll(() => running.application.remove());

    it('a password signs in, another does not', async () => {
      await adoption.enter(visit(), 'ada');
      const stranger = visit();
      await stranger.submit('/login', { username: 'ada', email: emailOf('ada'), password: 'another' });
      expect(await stranger.isSignedIn()).toBe(false);
      const visitor = visit();
      expect(await signIn(visitor, 'ada')).toBe(adoption.home);
      expect(await visitor.isSignedIn()).toBe(true);
      before.nobody = await walk(adoption, visit());
      before.somebody = await walk(adoption, visitor);
      expect(before.somebody).not.toEqual(before.nobody);
      expect((await visit().get('/two-factor')).status).toBe(404);
    });
  });

  describe('after', () => {
    beforeAll(async () => {
      await start('after');
      const visitor = visit();
      await adoption.enter(visitor, 'bob');
      const account = (await visitor.get('/account')).text;
      expect(account).toContain('<a href="/two-factor">Two-step sign-in</a>');
      running.bob = await visitor.setUp();
      expect(running.bob.backupCodes).toHaveLength(10);
      await visitor.submit('/logout', {}, '/account');
      expect(await visitor.isSignedIn()).toBe(false);
    });
    afterAll(() => running.application.remove());

    it('who has no second factor signs in as before, and every route answers as before', async () => {
      const visitor = visit();
      await adoption.enter(visitor, 'ada');
      await visitor.submit('/logout', {}, '/account');
      expect(await signIn(visitor, 'ada')).toBe(adoption.home);
      expect(await walk(adoption, visit())).toEqual(before.nobody);
      expect(await walk(adoption, visitor)).toEqual(before.somebody);
    });

    it('who has one is held, and until the code is right every route answers as to nobody', async () => {
      const visitor = visit();
      expect(await signIn(visitor, 'bob')).toBe('/two-factor/challenge');
      expect(await walk(adoption, visitor)).toEqual(before.nobody);
      expect((await visitor.get('/two-factor')).location).toBe('/two-factor/challenge');
      const wrong = await visitor.answer('000000');
      expect([wrong.status, await visitor.isSignedIn()]).toEqual([422, false]);
      const right = await visitor.answer(running.bob.code(1));
      expect(right.location).toBe(adoption.afterCode ?? adoption.home);
      expect(await walk(adoption, visitor)).toEqual(before.somebody);
    });

    it('a backup code is as good', async () => {
      const visitor = visit();
      await signIn(visitor, 'bob');
      await visitor.answer(running.bob.backupCodes[0] ?? '');
      expect(await visitor.isSignedIn()).toBe(true);
    });

    adoption.more?.();
  });
}

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Visitor } from '../helpers/visitor.js';
import {
  answer,
  type App,
  Deployment,
  givePassword,
  type OldFactor,
  register,
  setUpBefore,
} from './deployment.js';

// It starts processes, and a machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Somebody with a second factor, and what an attacker who knows the password does. */
interface Victim extends OldFactor {
  attack: string;
  app: App;
  name: string;
  nodes: readonly string[];
}

/** Each is whether the attacker came through. */
const attacks: Record<string, (victim: Victim) => Promise<boolean>> = {
  async 'opens a page that forgot to ask for the flag, with the password alone'({ nodes, name }) {
    const attacker = await givePassword(nodes, name);
    return (await attacker.get('/invoices')).text.includes(name);
  },

  async 'puts an authenticator of their own in place of the owner’s, with the password alone'({
    app,
    nodes,
    name,
  }) {
    const attacker = await givePassword(nodes, name);
    if (app === 'after') return (await attacker.get('/two-factor/setup')).status === 200;
    await setUpBefore(attacker);
    return attacker.isSignedIn();
  },

  async 'uses a code that the owner has just used'({ app, nodes, name, code }) {
    const seen = await giveCode(app, await givePassword(nodes, name), code);
    const attacker = await givePassword(nodes, name);
    await answer(app, attacker, seen);
    return attacker.isSignedIn();
  },

  async 'goes on to guess after 12 wrong codes'({ app, nodes, name, code }) {
    const right = [-1, 0, 1, 2].map((steps) => code(steps));
    const wrong = Array.from({ length: 16 }, (_, n) => String(n).padStart(6, '0'));
    const guesses = wrong.filter((guess) => !right.includes(guess)).slice(0, 12);
    for (let round = 0; round < 12; round += 4) {
      const attacker = await givePassword(nodes, name);
      for (const guess of guesses.slice(round, round + 4)) await answer(app, attacker, guess);
    }
    const attacker = await givePassword(nodes, name);
    await answer(app, attacker, code());
    return attacker.isSignedIn();
  },

  async 'waits with the session cookie of the password until the owner gives the code'({
    app,
    nodes,
    name,
    code,
  }) {
    const owner = await givePassword(nodes, name);
    const attacker = owner.copy();
    await giveCode(app, owner, code);
    return attacker.isSignedIn();
  },

  async 'turns it off in a session that the owner left open, without a code'({ app, nodes, name, code }) {
    const owner = await givePassword(nodes, name);
    await giveCode(app, owner, code);
    await (app === 'before'
      ? owner.post('/2fa/disable', {})
      : owner.submit('/two-factor/disable', { code: '' }));
    return (await givePassword(nodes, name)).isSignedIn();
  },
};

/** As the owner. @returns the code. */
async function giveCode(app: App, owner: Visitor, code: OldFactor['code']): Promise<string> {
  const given = code();
  await answer(app, owner, given);
  expect(await owner.isSignedIn()).toBe(true);
  return given;
}

describe('whoever has a password', () => {
  const deployment = new Deployment();
  const victims: Victim[] = [];

  /** Everybody sets up in the application of before. Then both applications are there, on the one database. */
  beforeAll(async () => {
    const old = [await deployment.start('before')];
    const nodes = { before: old, after: [await deployment.start('after')] };
    for (const app of ['before', 'after'] as const) {
      for (const [index, attack] of Object.keys(attacks).entries()) {
        const name = `${app}_${String(index)}`;
        const factor = await setUpBefore(await register(old, name));
        victims.push({ attack, app, name, nodes: nodes[app], ...factor });
      }
    }
  });

  afterAll(() => deployment.remove());

  it.each(Object.entries(attacks))('%s: before yes, after no', async (title, attack) => {
    const isThrough = (app: App): Promise<boolean> =>
      attack(victims.find((victim) => victim.attack === title && victim.app === app)!);
    expect(await isThrough('before')).toBe(true);
    expect(await isThrough('after')).toBe(false);
  });
});

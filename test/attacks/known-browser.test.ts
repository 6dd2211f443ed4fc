import { describe, expect, it } from 'vitest';
import { eventOf } from '../../src/testing/storage-fixtures.js';
import { eachFace, type Face } from '../helpers/faces.js';
import {
  type Agent,
  createHost,
  type Host,
  readCounters,
  sendPassword,
  whoIs,
  withoutSession,
  wrongCodes,
} from '../helpers/host.js';

const MINUTE = 60_000;

/** In the same browser, without the session: what it keeps stays. */
async function signInAgain(host: Host, browser: Agent): Promise<Agent> {
  const agent = withoutSession(host, browser);
  await sendPassword(agent, 'ada');
  return agent;
}

/** The attacker gives one wrong code as soon as one is looked at again; owner's time goes by. */
async function guessOn(face: Face, host: Host, codes: readonly string[]): Promise<void> {
  for (const code of codes) {
    await face.answer(await host.signIn('ada'), code);
    host.clock.advance(1_000);
  }
}

describe.each(eachFace)('R4 somebody who guesses to keep the owner out, over the %s', (_, face) => {
  it('delays new browsers, and not those in which the owner has been', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const known = await face.signInWhole(host, 'ada', factor.code());
    host.clock.advance(MINUTE);
    await guessOn(face, host, wrongCodes(factor, 8));
    const stranger = await host.signIn('ada');
    expect((await face.answer(stranger, factor.code())).kind).toBe('delayed');
    const owner = await signInAgain(host, known);
    expect((await face.answer(owner, factor.code())).kind).toBe('accepted');
    expect(await whoIs(owner)).toBe('ada');
    expect(readCounters(host, 'ada').totp, 'a success sets everything back').toBe(0);
  });

  it('cannot keep the owner out for days of guessing', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const known = await face.signInWhole(host, 'ada', factor.code());
    for (let day = 0; day < 3; day += 1) {
      host.clock.advance(1_440 * MINUTE);
      await guessOn(face, host, wrongCodes(factor, 7));
      expect((await face.answer(await host.signIn('ada'), factor.code())).kind).toBe('delayed');
      expect((await face.answer(await signInAgain(host, known), factor.code())).kind).toBe('accepted');
    }
  });

  it('is delayed in a known browser by what is guessed there', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const known = await face.signInWhole(host, 'ada', factor.code());
    for (const code of wrongCodes(factor, 5)) await face.answer(await signInAgain(host, known), code);
    host.clock.advance(1_000);
    expect((await face.answer(await signInAgain(host, known), factor.code(1))).kind).toBe('delayed');
    expect((await face.answer(await host.signIn('ada'), factor.code(1))).kind).toBe('accepted');
  });

  it('gets no more guesses out of two kinds of browsers than the cap', async () => {
    const host = await createHost({ options: { attempts: { cap: 6 } } });
    const factor = await host.enrol('ada');
    const known = await face.signInWhole(host, 'ada', factor.code());
    for (const code of wrongCodes(factor, 4)) await face.answer(await signInAgain(host, known), code);
    for (const code of wrongCodes(factor, 2)) {
      await guessOn(face, host, [code]);
      host.clock.advance(120 * MINUTE);
    }
    expect((await face.answer(await signInAgain(host, known), factor.code())).kind).toBe('suspended');
    expect((await face.answer(await host.signIn('ada'), factor.code())).kind).toBe('suspended');
  });

  it('is not known as somebody else', async () => {
    const host = await createHost();
    const [factor, evesFactor] = [await host.enrol('ada'), await host.enrol('eve')];
    const eve = await face.signInWhole(host, 'eve', evesFactor.code());
    await guessOn(face, host, wrongCodes(factor, 5));
    expect((await face.answer(await signInAgain(host, eve), factor.code())).kind).toBe('delayed');
  });

  it('cannot use trust where the password must be changed', async () => {
    const host = await createHost({ options: { trustedBrowsers: { days: 30 } } });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await face.answerAndTrust(agent, factor.code());
    expect(await whoIs(await signInAgain(host, agent))).toBe('ada');
    const events = Array.from({ length: 99 }, () => eventOf('ada', { at: host.clock() - MINUTE }));
    await host.options.storage.recordEvents(events);
    await face.answer(await host.signIn('ada'), wrongCodes(factor, 1)[0]!);
    expect(await whoIs(await signInAgain(host, agent))).toBe('nobody');
    await host.secondFactor.passwordChanged('ada');
    expect((await face.answer(await signInAgain(host, agent), factor.code(1))).kind).toBe('accepted');
  });
});

import { describe, expect, it } from 'vitest';
import { eventOf } from '../../src/testing/storage-fixtures.js';
import { atOnce, eachFace, tally } from '../helpers/faces.js';
import { createHost, type Host, type HostParts, whoIs, wrongCodes } from '../helpers/host.js';

const DAY = 86_400_000;

/** A user who has got so many wrong codes, spread over the last days. */
async function createGuessed(answers: number, parts: HostParts = {}, days = 29) {
  const host = await createHost(parts);
  const factor = await host.enrol('ada');
  const start = host.clock() - days * DAY;
  await host.options.storage.recordEvents(
    Array.from({ length: answers }, (_, index) => eventOf('ada', { at: start + index })),
  );
  return { host, factor };
}

const suspicions = async (host: Host): Promise<number> =>
  (await host.options.storage.listEvents('ada', 200)).filter(({ kind }) => kind === 'first-factor.suspected')
    .length;

describe.each(eachFace)('R4 somebody who knows the password and takes his time, over the %s', (_, face) => {
  it('has 100 wrong answers in 30 days, then the password must be changed', async () => {
    const { host, factor } = await createGuessed(96);
    const agent = await host.signIn('ada');
    for (const code of wrongCodes(factor, 4)) expect((await face.answer(agent, code)).kind).toBe('wrong');
    expect(await suspicions(host)).toBe(1);
    const refused = await face.answer(agent, factor.code());
    expect([refused.status, refused.kind]).toEqual([403, 'first-factor-suspected']);
    expect(await whoIs(agent)).toBe('nobody');

    host.clock.advance(40 * DAY);
    const later = await host.signIn('ada');
    expect((await face.answer(later, factor.code())).kind).toBe('first-factor-suspected');
    const withBackupCode = await host.signIn('ada');
    expect((await face.answer(withBackupCode, factor.backupCodes[0]!)).kind).toBe('first-factor-suspected');

    await host.secondFactor.passwordChanged('ada');
    expect(await whoIs(await face.signInWhole(host, 'ada', factor.code()))).toBe('ada');
    expect(await suspicions(host)).toBe(1);
  });

  it('gets no new budget by what the owner does rightly, nor by a session that ends', async () => {
    const { host, factor } = await createGuessed(98);
    expect(await whoIs(await face.signInWhole(host, 'ada', factor.code()))).toBe('ada');
    await host.secondFactor.revoke('ada');
    const agent = await host.signIn('ada');
    const kinds: string[] = [];
    for (const code of wrongCodes(factor, 3)) kinds.push((await face.answer(agent, code)).kind);
    expect(kinds).toEqual(['wrong', 'wrong', 'first-factor-suspected']);
  });

  it('gets no more than that by asking many times at once', async () => {
    const { host, factor } = await createGuessed(97);
    const agents = await Promise.all(Array.from({ length: 5 }, () => host.signIn('ada')));
    const codes = wrongCodes(factor, 5);
    const outcomes = await atOnce(
      agents.map((agent, index) => [face, agent, { does: 'answer', code: codes[index]! }]),
    );
    expect(tally(outcomes)).toEqual({ wrong: 3, 'first-factor-suspected': 2 });
  });

  it('finds what is older than 30 days forgotten', async () => {
    const { host, factor } = await createGuessed(99, {}, 31);
    const agent = await host.signIn('ada');
    for (const code of wrongCodes(factor, 2)) expect((await face.answer(agent, code)).kind).toBe('wrong');
    expect((await face.answer(agent, factor.code())).kind).toBe('accepted');
  });

  it('is not waited for where the 100th answer is right', async () => {
    const { host, factor } = await createGuessed(99);
    expect(await whoIs(await face.signInWhole(host, 'ada', factor.code()))).toBe('ada');
    host.clock.advance(30_000);
    expect(await whoIs(await face.signInWhole(host, 'ada', factor.code()))).toBe('ada');
    expect(await suspicions(host)).toBe(0);
  });

  it('cannot guess inside a session either, and does not end that of the owner', async () => {
    const { host, factor } = await createGuessed(99);
    const owner = await face.signInWhole(host, 'ada', factor.code());
    host.clock.advance(30_000);
    const thief = await host.signIn('ada');
    await face.answer(thief, wrongCodes(factor, 1)[0]!);
    expect((await face.disable(owner, factor.code())).kind).toBe('first-factor-suspected');
    expect(await whoIs(owner)).toBe('ada');
  });
});

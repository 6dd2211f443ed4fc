import { expect, it, vi } from 'vitest';
import { createGrants } from '../../src/oidc/grants.js';

const NOW = 1_800_000_000_000;

it('R7 what was issued to a login that owes an enrolment ends with its grace', async () => {
  const clock = vi.spyOn(Date, 'now').mockReturnValue(NOW);
  const grants = createGrants({ status: () => Promise.resolve({ epoch: 4 } as never) });
  const bound = (id: string) => grants.isCurrent({ accountId: 'bob', grantId: id });
  const inGrace = `4.${String(NOW + 60_000)}.random`;
  expect([await bound('4.random'), await bound(inGrace), await bound('3.random')]).toEqual([
    true,
    true,
    false,
  ]);
  clock.mockReturnValue(NOW + 60_000);
  expect([await bound('4.random'), await bound(inGrace)]).toEqual([true, false]);
});

it('a grant gets the epoch and the end of grace of the login that it is used in', async () => {
  const grants = createGrants({ status: () => Promise.resolve({ epoch: 0 } as never) });
  class Grant {
    readonly jti: string | undefined;
    readonly accountId = 'bob';
    static find = () => Promise.resolve(undefined);
    constructor({ jti }: { jti?: string }) {
      this.jti = jti;
    }
    save = () => Promise.resolve('');
    destroy = () => Promise.resolve();
  }
  const idFor = async (enrolBy?: number): Promise<string | undefined> => {
    const secondFactor = { state: 'complete', userId: 'bob', epoch: 2, enrolBy };
    const ctx = { req: { secondFactor }, oidc: { provider: { Grant }, entities: {} } };
    const load = grants.loadExistingGrant<Grant>(() => new Grant({}));
    return (await load(ctx))?.jti;
  };
  expect(await idFor()).toMatch(/^2\.[\w-]{40,}$/);
  expect(await idFor(NOW)).toMatch(/^2\.1800000000000\.[\w-]{40,}$/);
});

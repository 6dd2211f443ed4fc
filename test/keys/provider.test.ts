import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { KeyOption } from 'passport-second-factor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SecondFactorError } from '../../src/errors.js';
import { firstMessage } from '../helpers/child.js';
import { eachFace } from '../helpers/faces.js';
import { createHost, type Host, whoIs } from '../helpers/host.js';

const makeKey = (id: string, step: number) => ({
  id,
  secret: Buffer.from(Array.from({ length: 32 }, (_, index) => (index * step + 1) % 256)).toString('base64'),
});
const [oldKey, newKey] = [makeKey('old', 7), makeKey('new', 5)];

type Mode = { does: 'answer'; keys: unknown } | { does: 'fail' | 'drop' | 'stay silent' };

let service: ChildProcess;
let url: string;

async function tell(mode: Mode): Promise<void> {
  const told = once(service, 'message');
  service.send(mode);
  await told;
}

/** As a host would write it. */
async function keys(): Promise<readonly KeyOption[]> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${String(response.status)}: ${await response.text()}`);
  return (await response.json()) as readonly KeyOption[];
}

async function refusalOf(host: Host): Promise<SecondFactorError> {
  return host.secondFactor.ready().then(
    () => {
      throw new Error('It started.');
    },
    (error: unknown) => error as SecondFactorError,
  );
}

beforeAll(async () => {
  service = fork(fileURLToPath(new URL('key-service.mjs', import.meta.url)));
  const { port } = await firstMessage<{ port: number }>(service);
  url = `http://127.0.0.1:${String(port)}/keys`;
});

afterAll(() => {
  service.kill();
});

describe.each(eachFace)('over the %s, keys of a service', (_, face) => {
  it('seal and open as a list does, and can be changed by another ready()', async () => {
    await tell({ does: 'answer', keys: [oldKey] });
    const host = await createHost({ options: { keys } });
    const ada = await host.enrol('ada');
    expect(await whoIs(await face.signInWhole(host, 'ada', ada.code()))).toBe('ada');
    await tell({ does: 'answer', keys: [newKey, oldKey] });
    await host.secondFactor.ready();
    expect(await whoIs(await face.signInWhole(host, 'ada', ada.code(1)))).toBe('ada');
    const [row] = host.database
      .prepare('select sealed_secret as sealed from two_factor_authenticators')
      .all();
    expect((row as { sealed: string }).sealed).toMatch(/^new\./);
    // A ring that would lock people out is refused, and the one that works stays.
    await tell({ does: 'answer', keys: [makeKey('other', 3)] });
    expect((await refusalOf(host)).code).toBe('key-unknown');
    expect(await whoIs(await face.signInWhole(host, 'ada', ada.backupCodes[0]!))).toBe('ada');
  });

  it.each<[string, Mode, string, RegExp]>([
    [
      'fails',
      { does: 'fail' },
      'keys-unavailable',
      /has failed or was silent for 10 s: is the key service up/,
    ],
    ['breaks off', { does: 'drop' }, 'keys-unavailable', /call secondFactor.ready\(\) again/],
    ['answers no list', { does: 'answer', keys: 'hunter2' }, 'configuration-invalid', /^- keys: .*array/m],
    ['answers nothing', { does: 'answer', keys: null }, 'configuration-invalid', /^- keys: .*array/m],
    [
      'answers no key',
      { does: 'answer', keys: [] },
      'configuration-invalid',
      /^- keys: needs at least one key/m,
    ],
    [
      'answers a weak key',
      { does: 'answer', keys: [{ id: 'a', secret: 'hunter2' }] },
      'configuration-invalid',
      /^- keys\[0\]\.secret: must be at least 32 bytes/m,
    ],
    [
      'answers more than keys',
      { does: 'answer', keys: [{ ...newKey, hunter: 'hunter2' }] },
      'configuration-invalid',
      /^- keys\[0\] has unknown names: hunter$/m,
    ],
  ])('keep everybody out while it %s, and nobody longer', async (_name, mode, code, message) => {
    await tell(mode);
    const host = await createHost({ options: { keys }, isReady: false });
    const error = await refusalOf(host);
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
    expect(error.message).not.toContain('hunter2');
    const answered = await host
      .agent()
      .post('/login')
      .type('form')
      .send({ username: 'ada', password: 'ada-password' });
    expect(answered.status).toBe(503);
    await tell({ does: 'answer', keys: [newKey] });
    await host.secondFactor.ready();
    const ada = await host.enrol('ada');
    expect(await whoIs(await face.signInWhole(host, 'ada', ada.code()))).toBe('ada');
  });
});

describe('a key service that is silent', () => {
  it('ends ready() after 10 s, which can be called again', { timeout: 30_000 }, async () => {
    await tell({ does: 'stay silent' });
    const host = await createHost({ options: { keys }, isReady: false });
    const error = await refusalOf(host);
    expect(error.code).toBe('keys-unavailable');
    expect(error.message).toContain('was silent for 10 s');
    await tell({ does: 'answer', keys: [newKey] });
    await host.secondFactor.ready();
    expect(await whoIs(await host.signIn('bob'))).toBe('bob');
  });
});

it('a function that throws at once, or answers at once, is one like the others', async () => {
  const thrown = await createHost({
    options: {
      keys: () => {
        throw new Error('hunter2');
      },
    },
    isReady: false,
  });
  expect((await refusalOf(thrown)).code).toBe('keys-unavailable');
  const host = await createHost({ options: { keys: () => [newKey] } });
  expect(await whoIs(await host.signIn('bob'))).toBe('bob');
});

import { expect, it, vi } from 'vitest';
import { eachFace, setUp } from '../helpers/faces.js';
import { createHost, failing, wrongCodes } from '../helpers/host.js';
import type { Storage } from 'passport-second-factor';

it.each(eachFace)(
  'R8 over the %s, somebody who reads the logs of the process finds nothing: we write none',
  async (_, face) => {
    const written: string[] = [];
    const keep = (text: string | Uint8Array): boolean => {
      written.push(String(text));
      return true;
    };
    const faults = new Set<keyof Storage>();
    const host = await createHost({ wrapStorage: (storage) => failing(storage, faults) });
    vi.spyOn(process.stdout, 'write').mockImplementation(keep);
    vi.spyOn(process.stderr, 'write').mockImplementation(keep);
    for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, name).mockImplementation((...parts: unknown[]) => void written.push(parts.join(' ')));
    }
    const owner = await host.signIn('ada');
    const factor = await setUp(face, host, owner);
    await face.proposeCodes(owner);
    await face.saveCodes(owner);
    const agent = await host.signIn('ada');
    for (const code of wrongCodes(factor, 2)) await face.answer(agent, code);
    await face.answer(agent, factor.backupCodes[0]!);
    faults.add('spendAttempt');
    await face.answer(await host.signIn('ada'), factor.code(1));
    faults.clear();
    await face.disable(agent, factor.backupCodes[1]!);
    vi.restoreAllMocks();
    expect(written).toEqual([]);
  },
);

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { firstMessage } from '../helpers/child.js';

/** Keeps a write transaction open in another process. @returns what ends it. */
export async function holdWriteLock(file: string): Promise<() => Promise<void>> {
  const holder = fork(fileURLToPath(new URL('sqlite-lock.mjs', import.meta.url)), [file]);
  await firstMessage(holder);
  return async () => {
    const exit = once(holder, 'exit');
    holder.disconnect();
    await exit;
  };
}

import { systemClock } from '../clock.js';
import { randomSecret } from '../crypto/random.js';
import type { KeyStatus } from '../keys/status.js';

export interface KeyEntry {
  id: string;
  secret: string;
}

/** An id of today that no key has. */
export function makeEntry(keys: readonly KeyStatus[]): KeyEntry {
  const taken = new Set(keys.map(({ id }) => id));
  const today = new Date(systemClock()).toISOString().slice(0, 10);
  let id = today;
  for (let count = 2; taken.has(id); count += 1) id = `${today}-${String(count)}`;
  return { id, secret: randomSecret(32).toString('base64') };
}

export function drawEntry({ id, secret }: KeyEntry): string {
  return JSON.stringify({ id, secret });
}

export function explainRotation(id: string, [active, ...others]: readonly KeyStatus[]): string {
  const first = active?.id ?? '';
  const rest = others.flatMap((key) => (key.state === 'missing' ? [] : `, { id: '${key.id}', … }`)).join('');
  return `A new key, in four steps. Nobody is signed out, and no step needs a break of the service. Nothing was changed by this command.

1. Make a key and put it into your secret store, never into the repository:
     openssl rand -base64 32
   or, with its entry for "keys" as the only thing on stdout, for a pipe: second-factor keys rotate --show-secret

2. Put it SECOND at every node, and start them one after the other. It opens from then on, and seals nothing:
     keys: [{ id: '${first}', … }, { id: '${id}', secret: … }${rest}]
   A node whose secret differs from that of the others does not start, and says so.

3. When every node has it, put it FIRST, and start them one after the other. What is new is sealed with it, what is used is sealed anew:
     keys: [{ id: '${id}', secret: … }, { id: '${first}', … }${rest}]

4. Seal the rest anew, then look:
     second-factor keys reseal
     second-factor keys status
   What it says can be taken out leaves "keys" 10 minutes after step 3 at the earliest: set-ups and proposals that wait live that long.
   Keep the old secret for as long as backups of the database that were sealed with it. Its id is never used again.`;
}

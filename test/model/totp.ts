import { createHmac } from 'node:crypto';
import { ScureBase32Plugin } from 'otplib';

export const STEP = 30_000;

const base32 = new ScureBase32Plugin();

/** RFC 6238 once more, apart from the code that is tested. @param key base32. */
export function codeOf(key: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', base32.decode(key)).update(counter).digest();
  const offset = digest[19]! & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

import { parseCode } from '../backup-codes/code.js';
import type { Lane } from '../model.js';

/** What a person gave, ready to be looked at. */
export interface Answer {
  lane: Lane;
  /** ASCII digits for `totp`, 24 upper-case symbols for `backup-code`. */
  code: string;
}

/** `mistyped`: a backup code whose check symbol is wrong; `malformed`: no code at all. Neither costs an attempt. */
export type ParsedAnswer = Answer | { kind: 'mistyped' | 'malformed' };

/** Longest answer that is looked at: a backup code with generous spacing. */
const MAX_LENGTH = 64;

/** Tells by its shape which kind of code was typed; what is no text, as a host's parser may make of a body, is no code. Spaces and dashes do not matter; only ASCII digits are digits. */
export function parseAnswer(input: unknown): ParsedAnswer {
  if (typeof input !== 'string' || input.length > MAX_LENGTH) return { kind: 'malformed' };
  const digits = input.replace(/[\s-]/g, '');
  if (/^([0-9]{6}|[0-9]{8})$/.test(digits)) return { lane: 'totp', code: digits };
  const parsed = parseCode(input);
  return parsed.kind === 'code' ? { lane: 'backup-code', code: parsed.code } : parsed;
}

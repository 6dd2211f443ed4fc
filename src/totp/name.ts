/** What an authenticator is called until its owner says otherwise. */
export const DEFAULT_NAME = 'Authenticator app';

const LONGEST = 64;

/**
 * The name of an authenticator as it is kept: white space folded, without control characters.
 * @returns `undefined` where nothing is left, or more than 64 characters.
 */
export function cleanName(input: string): string | undefined {
  return cleanLine(input, LONGEST);
}

/** One line of text in the same way, of so many characters at most. */
export function cleanLine(input: string, longest: number): string | undefined {
  const line = input.replace(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, ' ').trim();
  return line === '' || [...line].length > longest ? undefined : line;
}

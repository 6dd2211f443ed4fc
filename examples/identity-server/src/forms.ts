import { csrfSync } from 'csrf-sync';
import type { Request, Response } from 'express';
import { z } from 'zod';

const csrf = csrfSync({
  size: 32,
  // Compared only where it is a string; a missing body, an array or an object is refused.
  getTokenFromRequest: (req) => (req.body as { _csrf?: string } | undefined)?._csrf,
});

/** Refuses a form without the token of its session. A login renews the session, and with it the token. */
export const refuseForgery = csrf.csrfSynchronisedProtection;

/** For a login that keeps the session's content: a token that was known before the login must not count after it. */
export const renewToken = csrf.revokeToken;

// ASCII alone: no two names that look the same.
const username = z.string('Enter a user name.').regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$/, {
  error:
    'A user name has 2 to 64 letters, digits, dots, hyphens or underscores, and begins with a letter or digit.',
});
// The pattern of <input type="email">, so that browser and server agree.
const email = z
  .email({ pattern: z.regexes.html5Email, error: 'Enter an email address, such as name@example.com.' })
  .max(254, 'This email address is too long.');
// Hashing costs the more the longer the text is: no field is without an upper limit.
const anyPassword = z
  .string('Enter your password.')
  .min(1, 'Enter your password.')
  .max(1024, 'This is too long.');
const newPassword = z
  .string('Choose a password.')
  .min(8, 'Choose a password of at least 8 characters.')
  .max(1024, 'Choose a password of at most 1024 characters.');

export const registerForm = z.object({ username, email, password: newPassword });
export const loginForm = z.object({
  username: z.string('Enter your user name.').min(1, 'Enter your user name.').max(64, 'This is too long.'),
  password: anyPassword,
  remember: z.literal('yes', 'Tick the box or leave it.').optional(),
});
export const passwordForm = z.object({ current: anyPassword, password: newPassword });
export const emailForm = z.object({ email });

/** As makeToken in tokens.ts makes them. What is not one was not copied whole, and is answered like one that is used up. */
const mailToken = z.string().regex(/^[\w-]{43}$/);
export const linkForm = z.object({ token: mailToken });
export const resetForm = z.object({ password: newPassword });
export const invitationForm = z.object({ username, password: newPassword });

/** What an identity provider sends back through the browser; `state` and `code` are checked by passport-oauth2. */
const providerText = z.string().max(4096).optional();
export const providerAnswer = z
  .object({ state: providerText, code: providerText, error: providerText, error_description: providerText })
  // With neither of them passport-oauth2 would begin anew.
  .refine(({ code, error }) => code !== undefined || error !== undefined);

export const accessTokenForm = z.object({
  name: z
    .string('Enter a name.')
    .trim()
    .regex(
      /^[\x20-\x7e]{1,64}$/,
      'A name has 1 to 64 letters, digits, spaces and signs of the English keyboard.',
    ),
});
export const revocationForm = z.object({ id: z.uuid() });

/** Messages by field. */
export type Errors = Partial<Record<string, string>>;

/** Reads a form: every field is one string within its limits, or there is a message for it. */
export function readForm<Fields>(
  form: z.ZodType<Fields>,
  body: unknown,
): { fields: Fields; errors?: never } | { fields?: never; errors: Errors } {
  const parsed = form.safeParse(body ?? {});
  if (parsed.success) return { fields: parsed.data };
  const errors: Errors = {};
  // The first message of a field is the one to read.
  for (const { path, message } of parsed.error.issues) errors[path.join('.')] ??= message;
  return { errors };
}

/** Shows a form, with its token; after an error also with what was typed, but never with a password. */
export function showForm(req: Request, res: Response, view: string, errors: Errors = {}): void {
  const body = (req.body ?? {}) as Record<string, unknown>;
  const typed = (name: string): string => (typeof body[name] === 'string' ? body[name] : '');
  const values = { username: typed('username'), email: typed('email'), name: typed('name') };
  res.render(view, { token: csrf.generateToken(req), values, errors });
}

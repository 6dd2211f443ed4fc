import { z } from 'zod';
import { findNearest } from './nearest.js';
import { CannotLook } from './verdict.js';

const path = z
  .string()
  .regex(/^\/(?![/\\])/, 'must be a path on the application that begins with one "/", such as /login');
/** A path, or a placeholder for a whole link that an earlier step has read. */
const target = z
  .string()
  .regex(/^(\/(?![/\\])|\{\{)/, 'must be a path that begins with one "/", or a placeholder such as {{link}}');
const origin = z
  .string()
  .refine(isOrigin, 'must be an address without a path, such as http://localhost:3000')
  .transform((url) => new URL(url).origin);
const fields = z.record(z.string(), z.string());
const pattern = z
  .string()
  .refine(hasOneGroup, 'must be a regular expression with one group, such as key="([^"]+)"');
const seconds = z.number().int().min(1).max(3600);
const count = z.number().int().min(1).max(100);

/** A form: `page` is opened first, and its hidden inputs are sent along. */
const form = z.strictObject({
  page: path.optional(),
  path,
  fields: fields.default({}),
  headers: fields.default({}),
  json: z.boolean().default(false),
});
/** A form with a code in it. */
const codeForm = form.extend({ field: z.string().min(1).default('code') });

/** The same, sent as JSON unless it says otherwise. */
const jsonCodeForm = codeForm.extend({ json: z.boolean().default(true) });

const login = form.extend({ page: path.default('/login'), path: path.default('/login') });

const preparedUser = z.strictObject({
  username: z.string().min(1),
  password: z.string().min(1),
  email: z.string().optional(),
  secret: z
    .string()
    .regex(/^[A-Z2-7 ]{16,}$/i, 'must be base32 (letters and the digits 2 to 7)')
    .optional(),
  backupCodes: z.array(z.string()).default([]),
});
const users = z.union(
  [z.strictObject({ register: form }), z.strictObject({ prepared: z.array(preparedUser).min(1) })],
  'must be { "register": … } for an application with sign-up, or { "prepared": [ … ] } with users that exist already',
);

const requestStep = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
  page: target.optional(),
  path: target,
  fields: fields.optional(),
  headers: fields.default({}),
  json: z.boolean().default(false),
  extract: z.record(z.string(), pattern).default({}),
});
const step = z.union(
  [
    requestStep,
    z.strictObject({ signIn: fields }),
    z.strictObject({ dropCookies: z.array(z.string()).min(1) }),
  ],
  'must be a request { "path": … }, { "signIn": {} } or { "dropCookies": ["name"] }',
);

const door = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words with hyphens, such as magic-link'),
  steps: z.array(step).default([]),
  proof: z
    .strictObject({
      path,
      headers: fields.default({}),
      status: z.number().int().default(200),
      contains: z.string().optional(),
    })
    .optional(),
});

const schema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1).default('the application'),
  baseUrl: origin,
  origin: origin.optional(),
  headers: fields.default({}),
  users,
  csrf: z
    .strictObject({ header: z.string().min(1), pattern: pattern.optional(), cookie: z.string().optional() })
    .optional(),
  login,
  logout: form.optional(),
  signedIn: z.strictObject({
    path,
    status: z.number().int().default(200),
    contains: z.string().optional(),
  }),
  protected: z.array(path).default([]),
  challenge: codeForm.extend({ page: path, backupCode: codeForm.optional() }),
  cancel: form.optional(),
  setup: codeForm.extend({ page: path, begin: form.optional(), secret: pattern.optional() }).optional(),
  backupCodes: z
    .strictObject({
      page: path.optional(),
      pattern,
      saved: form.optional(),
      renew: form.optional(),
      forgiving: z.boolean().default(false),
    })
    .optional(),
  disable: codeForm.optional(),
  password: form.optional(),
  signOutElsewhere: form.optional(),
  trust: z
    .strictObject({
      field: z.string().min(1).default('trust'),
      value: z.string().default('on'),
      ended: form.optional(),
    })
    .optional(),
  api: z.strictObject({ challenge: jsonCodeForm, disable: jsonCodeForm.optional() }).optional(),
  required: z.strictObject({ later: form.optional() }).optional(),
  returnTo: z
    .strictObject({ page: z.enum(['login', 'challenge', 'step-up']), parameter: z.string().min(1) })
    .optional(),
  totp: z
    .strictObject({
      algorithm: z.enum(['sha1', 'sha256', 'sha512']).default('sha1'),
      digits: z.union([z.literal(6), z.literal(8)]).default(6),
      period: seconds.default(30),
      past: z.number().int().min(0).max(10).default(1),
      future: z.number().int().min(0).max(10).default(1),
    })
    .prefault({}),
  limits: z
    .strictObject({
      perLogin: count.default(10),
      perUser: count.default(20),
      delaySeconds: seconds.optional(),
    })
    .prefault({}),
  doors: z.array(door).default([]),
  skip: z.record(z.string(), z.string().min(1)).default({}),
});

/** Every name that a manifest may have somewhere, for whoever has misspelt one. */
const names = [schema, form, codeForm, preparedUser, requestStep, door].flatMap(listNames);

export type Manifest = z.infer<typeof schema>;
export type Form = z.infer<typeof form>;
export type CodeForm = z.infer<typeof codeForm>;
/** The forms of a manifest, by their places in it. */
export type FormPart =
  | 'users.register'
  | 'logout'
  | 'challenge'
  | 'challenge.backupCode'
  | 'cancel'
  | 'setup'
  | 'setup.begin'
  | 'backupCodes.saved'
  | 'backupCodes.renew'
  | 'disable'
  | 'password'
  | 'signOutElsewhere'
  | 'trust.ended'
  | 'api.challenge'
  | 'api.disable'
  | 'required.later';
export type Door = z.infer<typeof door>;
export type RequestStep = z.infer<typeof requestStep>;
export type PreparedUser = z.infer<typeof preparedUser>;

/** What stands at a place of the manifest, such as `backupCodes.renew`. */
export function readPart(manifest: Manifest, part: string): unknown {
  return part
    .split('.')
    .reduce<unknown>((object, key) => (object as Record<string, unknown> | undefined)?.[key], manifest);
}

export function formOf(manifest: Manifest, part: FormPart): Form | CodeForm | undefined {
  return readPart(manifest, part) as Form | CodeForm | undefined;
}

/**
 * Reads a manifest.
 * @param name of the file, for messages.
 * @param url replaces `baseUrl`.
 * @throws CannotLook with one sentence for each fault.
 */
export function readManifest(text: string, name: string, url?: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new CannotLook(`${name} is not JSON: ${reason}. Correct it there.`, { cause });
  }
  if (url !== undefined && typeof json === 'object' && json !== null) json = { ...json, baseUrl: url };
  const parsed = schema.safeParse(json, { error: describe });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }) => `  ${path.length === 0 ? 'the manifest' : path.map(String).join('.')}: ${message}`,
  );
  throw new CannotLook(
    `${name} does not describe an application yet. Correct these places (docs/conformance.md lists every field):\n${faults.join('\n')}`,
  );
}

/** In place of zod's own words where they would not say what to do. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => {
      const near = findNearest(key, names);
      return near === undefined ? `"${key}"` : `"${key}" (is "${near}" meant?)`;
    });
    return `does not know ${keys.join(', ')}: correct the name or take it out`;
  }
  if (issue.code !== 'invalid_type') return undefined;
  return issue.input === undefined
    ? 'is missing: add it'
    : `must be ${issue.expected === 'record' ? 'an object' : `of type ${issue.expected}`}`;
}

/** The names of an object of the schema and of what is inside of it. */
function listNames(type: unknown): string[] {
  if (type instanceof z.ZodOptional || type instanceof z.ZodDefault || type instanceof z.ZodPrefault)
    return listNames(type.unwrap());
  if (!(type instanceof z.ZodObject)) return [];
  return Object.entries(type.shape).flatMap(([name, inside]) => [name, ...listNames(inside)]);
}

function isOrigin(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, pathname, search } = new URL(url);
  return /^https?:$/.test(protocol) && pathname + search === '/';
}

function hasOneGroup(source: string): boolean {
  try {
    return new RegExp(`${source}|`).exec('')?.length === 2;
  } catch {
    return false;
  }
}

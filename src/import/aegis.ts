import { z } from 'zod';
import { SecondFactorError } from '../errors.js';
import { readParameters } from '../totp/key-uri.js';
import type { Chunks } from './lines.js';
import { readUser } from './otpauth.js';
import type { ImportRow } from './record.js';

/** Characters. One person's vault, read whole. */
const LONGEST = 16 * 1_024 * 1_024;

/** https://github.com/beemdevelopment/Aegis/blob/master/docs/vault.md */
const vault = z.object({ db: z.object({ entries: z.array(z.unknown()) }) });

const entry = z.object({
  type: z.string(),
  name: z.string(),
  issuer: z.string().default(''),
  info: z.object({
    secret: z.string(),
    algo: z.string().optional(),
    digits: z.number().optional(),
    period: z.number().optional(),
  }),
});

/**
 * A plain (not encrypted) export of Aegis, as JSON. `line` is the number of the entry, from 1.
 * @throws SecondFactorError `configuration-invalid` where the file is none.
 */
export async function* parseAegis(
  chunks: Chunks,
  issuer?: string,
): AsyncGenerator<ImportRow, void, undefined> {
  const { db } = readVault(await readWhole(chunks));
  for (const [index, value] of db.entries.entries()) yield { line: index + 1, ...readEntry(value, issuer) };
}

function readEntry(value: unknown, wanted: string | undefined): ImportRow {
  const { data } = entry.safeParse(value);
  if (!data) return { reason: 'row-malformed' };
  const owner = readUser({ label: data.name, issuer: data.issuer }, wanted);
  if ('reason' in owner) return owner;
  if (data.type !== 'totp') return { reason: 'type-unsupported' };
  const { secret, algo, digits, period } = data.info;
  return {
    ...owner,
    secret,
    ...readParameters(algo, digits?.toString(), period?.toString()),
  };
}

function readVault(text: string): z.infer<typeof vault> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own words quote the file.
    throw refuse('It is no JSON.');
  }
  if (z.object({ db: z.string() }).safeParse(json).success)
    throw refuse('It is encrypted: export it again without encryption.');
  const { data } = vault.safeParse(json);
  if (!data) throw refuse('It is no export of Aegis.');
  return data;
}

async function readWhole(chunks: Chunks): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (text.length > LONGEST) throw refuse('It has more than 16 MiB.');
  }
  return (text + decoder.decode()).replace(/^\uFEFF/, '');
}

function refuse(why: string): SecondFactorError {
  return new SecondFactorError('configuration-invalid', `This file cannot be read. ${why}`);
}

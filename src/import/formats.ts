import { parseAegis } from './aegis.js';
import { parseCsv } from './csv.js';
import { parseGoogle } from './google.js';
import type { Chunks } from './lines.js';
import { parseOtpauth } from './otpauth.js';
import type { ImportRow } from './record.js';

/** Reads a file, row by row. @param issuer refuses entries of another one, where the format names issuers. */
export type Parse = (chunks: Chunks, issuer?: string) => AsyncGenerator<ImportRow, void, undefined>;

/** By the names of `--format`. */
export const formats: Readonly<Record<string, Parse>> = {
  csv: parseCsv,
  otpauth: parseOtpauth,
  google: parseGoogle,
  aegis: parseAegis,
};

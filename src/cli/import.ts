import { createReadStream, statSync } from 'node:fs';
import { CannotLook } from '../conformance/verdict.js';
import type { ImportResult } from '../import/flow.js';
import { formats } from '../import/formats.js';
import { refusedReasons } from '../import/record.js';
import { common, explain, parse, perform, print, withSecondFactor } from './command.js';
import { followProgress } from './progress.js';

const usage = `second-factor import <file> --format <format> [options]

Takes second factors of another system over: docs/migration.md. It can be killed and started again, and runs beside the
application. Nothing of a row but its line is shown, since it could be a secret.

  --format <format>       csv      user_id,secret[,name,algorithm,digits,period,backup_codes], with these headings
                          otpauth  key URIs, one a line; user,otpauth://… where the label is not the user
                          google   otpauth-migration URIs of Google Authenticator, one a line; user,otpauth-migration://…
                          aegis    plain export of Aegis, as JSON
  --issuer <name>         takes only entries of this issuer (all formats but csv)
  --dry-run               looks at everything and writes nothing
  --allow-short-secrets   takes secrets of 80 to 127 bits too, which RFC 4226 forbids
  --json                  one JSON object a line: each row that was not taken over, then the counts
  --config <file>         default second-factor.config.js in this folder
  --help

Exit code: 0 every row is there, 1 not every row, 2 it could not look or was not done to the end: repeat.
`;

const options = {
  ...common,
  format: { type: 'string' },
  issuer: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  'allow-short-secrets': { type: 'boolean', default: false },
} as const;

/** @returns the exit code. */
export function importFile(args: string[]): Promise<number> {
  return perform(async () => {
    const { values, positionals } = parse(usage, { args, options, allowPositionals: true });
    if (values.help) return explain(usage);
    const [file = '', ...others] = positionals;
    if (file === '' || others.length > 0) throw new CannotLook(`Name one file.\n\n${usage}`);
    const { format = '', issuer } = values;
    const read = Object.hasOwn(formats, format) ? formats[format] : undefined;
    if (!read) throw new CannotLook(`--format must be one of ${Object.keys(formats).join(', ')}.`);
    if (format === 'csv' && issuer !== undefined) throw new CannotLook('A CSV file names no issuers.');
    // It is read twice.
    if (!statSync(file, { throwIfNoEntry: false })?.isFile())
      throw new CannotLook(`There is no file ${file}.`);
    return withSecondFactor(values.config, async ({ service }) => {
      const total = await countLines(file);
      const progress = followProgress(process.stderr);
      const counts = { imported: 0, already: 0, exists: 0, removed: 0, refused: 0, withBackupCodes: 0 };
      const wish = { dryRun: values['dry-run'], allowShortSecrets: values['allow-short-secrets'] };
      try {
        for await (const result of service.import(read(createReadStream(file), issuer), wish)) {
          counts[result.kind] += 1;
          if ('hasBackupCodes' in result && result.hasBackupCodes) counts.withBackupCodes += 1;
          const complaint = complain(result, values.json);
          if (complaint !== undefined) await print(`${complaint}\n`);
          if (format !== 'aegis') progress.show(Math.min(result.line ?? 0, total), total);
        }
      } finally {
        progress.end();
      }
      if (Object.values(counts).every((count) => count === 0)) throw new CannotLook(`${file} has no rows.`);
      console.log(
        values.json ? JSON.stringify({ dryRun: wish.dryRun, ...counts }) : draw(counts, wish.dryRun),
      );
      return counts.exists + counts.removed + counts.refused === 0 ? 0 : 1;
    });
  });
}

/** What there is to say of one row: where it is and why, and nothing that stands in it. */
function complain(result: ImportResult, json: boolean): string | undefined {
  const { kind, line } = result;
  if (kind === 'imported' || kind === 'already') return undefined;
  const reason = kind === 'refused' ? result.reason : undefined;
  if (json) return JSON.stringify({ line, kind, reason });
  const sentences = {
    exists: 'the user has another second factor, which stays',
    removed: 'the user had a second factor here and turned it off, or had it reset',
  };
  const sentence = kind === 'refused' ? refusedReasons[result.reason] : sentences[kind];
  return `line ${String(line)}: ${sentence}`;
}

function draw(counts: Record<ImportResult['kind'] | 'withBackupCodes', number>, dryRun: boolean): string {
  return [
    `${String(counts.imported)} ${dryRun ? 'would be' : 'were'} taken over, ${String(counts.withBackupCodes)} with backup codes`,
    `${String(counts.already)} were there already`,
    `${String(counts.exists)} have a second factor of their own`,
    `${String(counts.removed)} turned theirs off`,
    `${String(counts.refused)} were refused`,
  ].join('\n');
}

async function countLines(file: string): Promise<number> {
  let count = 1;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    for (const byte of chunk) if (byte === 10) count += 1;
  }
  return count;
}

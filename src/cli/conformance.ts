import { readFileSync } from 'node:fs';
import { readManifest } from '../conformance/manifest.js';
import { exitCode, runChecks } from '../conformance/run.js';
import { drawTable } from '../conformance/table.js';
import { CannotLook } from '../conformance/verdict.js';
import { explain, parse, perform } from './command.js';

const usage = `second-factor conformance <manifest.json> [options]

Tries the second login step of a running application over HTTP: what people do there, and what attackers try.
The manifest says where its pages are: docs/conformance.md.

  --url <address>       replaces baseUrl of the manifest
  --only <id,id>        these checks alone; may be given several times
  --concurrency <n>     how many checks run side by side (default 3)
  --json                the results as JSON in place of the table
  --help

Exit code: 0 all passed, 1 a check failed, 2 it could not look.
`;

const options = {
  url: { type: 'string' },
  only: { type: 'string', multiple: true },
  concurrency: { type: 'string', default: '3' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** @returns the exit code. */
export function conformance(args: string[]): Promise<number> {
  return perform(() => run(args));
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse(usage, { args, options, allowPositionals: true });
  if (values.help) return explain(usage);
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    throw new CannotLook(`Name one manifest: second-factor conformance manifest.json\n\n${usage}`);
  }
  const manifest = readManifest(readText(file), file, values.url);
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 16) {
    throw new CannotLook('--concurrency must be a whole number from 1 to 16.');
  }
  const isWatched = process.stderr.isTTY && !values.json;
  const results = await runChecks(manifest, {
    only: values.only?.flatMap((ids) => ids.split(',')).filter((id) => id !== '') ?? [],
    concurrency,
    onResult: ({ id, status }, done, total) => {
      if (isWatched) console.error(`${done}/${total} ${id}: ${status}`);
    },
  });
  const code = exitCode(results);
  if (values.json)
    console.log(
      JSON.stringify({ name: manifest.name, baseUrl: manifest.baseUrl, exitCode: code, results }, null, 2),
    );
  else console.log(`${manifest.name}, ${manifest.baseUrl}\n\n${drawTable(results, process.stdout.columns)}`);
  return code;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CannotLook(`The manifest ${file} cannot be read. Is the path right?`, { cause });
  }
}

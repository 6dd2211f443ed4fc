import { parseArgs } from 'node:util';
import { withPatience } from '../clock.js';
import { describeReport } from '../report/describe.js';
import { drawReport } from '../report/draw.js';
import type { Report } from '../report/report.js';
import type { Language } from '../report/texts/texts.js';
import { createSecondFactor } from '../second-factor.js';
import { CannotLook } from '../conformance/verdict.js';
import { readConfig, type SecondFactorConfig } from './config.js';

const usage = `second-factor report [options]

The state of an installation: configuration, tables, dependencies, endpoints, keys, sessions, clocks; what is wrong and
what to do. It changes nothing. What the configuration exports: docs/report.md.

  --config <file>   default second-factor.config.js in this folder
  --url <address>   where the application runs; replaces url of the configuration
  --json            as JSON in place of the table
  --lang en|id      default by LC_ALL, LC_MESSAGES or LANG, else en
  --help

Exit code: 0 all is well, 1 there is a problem, 2 it could not look.
`;

const options = {
  config: { type: 'string', default: 'second-factor.config.js' },
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
  lang: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** How long connections may stay open that nobody has closed. */
const farewell = 2_000;

/** @returns the exit code. */
export async function report(args: string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof CannotLook)) throw error;
    console.error(error.message);
    return 2;
  } finally {
    endSoon();
  }
}

async function run(args: string[]): Promise<number> {
  const { config: file, url, json, lang, help } = parse(args);
  if (help) {
    console.log(usage);
    return 0;
  }
  const language = chooseLanguage(lang);
  const config = await readConfig(file);
  try {
    const found = await look(config, url);
    const exitCode = found.problems.some(({ severity }) => severity === 'problem') ? 1 : 0;
    console.log(
      json ? writeJson(found, language, exitCode) : drawReport(found, { language, width: terminalWidth() }),
    );
    return exitCode;
  } finally {
    await withPatience(closeAll(config)).catch(() => undefined);
  }
}

function look({ options: given, context }: SecondFactorConfig, url = context.url): Promise<Report> {
  if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new CannotLook('The URL must be a web address, such as http://localhost:3000.');
  const mode = process.env['NODE_ENV'] === 'production' ? 'production' : 'development';
  try {
    return createSecondFactor(given).report({ mode, ...context, ...(url !== undefined && { url }) });
  } catch (cause) {
    throw new CannotLook(cause instanceof Error ? cause.message : 'The options are wrong.', { cause });
  }
}

/** The data of the report, and beside each problem its words. */
function writeJson(found: Report, language: Language, exitCode: number): string {
  const advice = describeReport(found, language).problems;
  const problems = found.problems.map((problem, index) => ({
    ...problem,
    meaning: advice[index]?.meaning,
    action: advice[index]?.action,
  }));
  return JSON.stringify({ exitCode, ...found, problems }, null, 2);
}

async function closeAll({ close }: SecondFactorConfig): Promise<void> {
  await close();
}

/** Whatever the configuration leaves open must not keep the process; what was printed to a pipe gets there first. */
function endSoon(): void {
  setTimeout(() => {
    process.stdout.write('', () => process.exit());
  }, farewell).unref();
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options }).values;
  } catch (cause) {
    throw new CannotLook(`${cause instanceof Error ? cause.message : ''}\n\n${usage}`, { cause });
  }
}

function chooseLanguage(asked: string | undefined): Language {
  if (asked === 'en' || asked === 'id') return asked;
  if (asked !== undefined) throw new CannotLook('--lang must be en or id.');
  const { LC_ALL, LC_MESSAGES, LANG } = process.env;
  return /^id(_|\.|$)/.test(LC_ALL || LC_MESSAGES || LANG || '') ? 'id' : 'en';
}

function terminalWidth(): number {
  return Math.min(Math.max(process.stdout.columns || 100, 60), 140);
}

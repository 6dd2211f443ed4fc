import { CannotLook } from '../conformance/verdict.js';
import type { Report } from '../findings.js';
import { describeReport, type Language } from '../report/describe.js';
import { drawReport } from '../report/draw.js';
import { createSecondFactor } from '../second-factor.js';
import { common, explain, parse, perform, withConfig } from './command.js';
import type { SecondFactorConfig } from './config.js';

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
  ...common,
  url: { type: 'string' },
  lang: { type: 'string' },
} as const;

/** @returns the exit code. */
export function report(args: string[]): Promise<number> {
  return perform(() => run(args));
}

async function run(args: string[]): Promise<number> {
  const { config: file, url, json, lang, help } = parse(usage, { args, options }).values;
  if (help) return explain(usage);
  const language = chooseLanguage(lang);
  return withConfig(file, async (config) => {
    const found = await look(config, url);
    const exitCode = found.problems.some(({ severity }) => severity === 'problem') ? 1 : 0;
    console.log(
      json ? writeJson(found, language, exitCode) : drawReport(found, { language, width: terminalWidth() }),
    );
    return exitCode;
  });
}

function look(config: SecondFactorConfig, url = config.context.url): Promise<Report> {
  if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new CannotLook('The URL must be a web address, such as http://localhost:3000.');
  const mode = process.env['NODE_ENV'] === 'production' ? 'production' : 'development';
  return createSecondFactor(config.options).report({
    mode,
    ...config.context,
    ...(url !== undefined && { url }),
  });
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

function chooseLanguage(asked: string | undefined): Language {
  if (asked === 'en' || asked === 'id') return asked;
  if (asked !== undefined) throw new CannotLook('--lang must be en or id.');
  const { LC_ALL, LC_MESSAGES, LANG } = process.env;
  return /^id(_|\.|$)/.test(LC_ALL || LC_MESSAGES || LANG || '') ? 'id' : 'en';
}

function terminalWidth(): number {
  return Math.min(Math.max(process.stdout.columns || 100, 60), 140);
}

#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { conformance } from './conformance.js';
import { exportCoverage } from './coverage.js';
import { importFile } from './import.js';
import { keys } from './keys.js';
import { migrate } from './migrate.js';
import { report } from './report.js';
import { supportCode } from './support-code.js';
import { reset, status } from './users.js';

const usage = `second-factor, the command line of passport-second-factor

  second-factor conformance <manifest.json>   looks at a running application from outside
  second-factor report                        the state of an installation, and what to do about it
  second-factor keys status|rotate|reseal     the keys that seal the secrets, over the years
  second-factor migrate                       creates or upgrades the tables
  second-factor status <user id>              how the second factor of a user stands
  second-factor support-code <user id> --for 15m --reason …
                                              one code for somebody who has lost phone and backup codes
  second-factor reset <user id> --reason …    turns it off for somebody who has lost everything
  second-factor import <file> --format …      takes second factors of another system over
  second-factor export coverage               who has one, who is in grace, who is overdue
  second-factor --version
  second-factor <command> --help
`;

const commands: Partial<Record<string, (args: string[]) => Promise<number>>> = {
  conformance,
  export: exportCoverage,
  import: importFile,
  keys,
  migrate,
  report,
  reset,
  status,
  'support-code': supportCode,
};

async function run([name = '', ...args]: string[]): Promise<number> {
  if (name === '--version') {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    console.log(version);
    return 0;
  }
  if (name === '--help' || name === '-h') {
    console.log(usage);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command) return command(args);
  console.error(name === '' ? usage : `There is no command "${name}".\n\n${usage}`);
  return 2;
}

// Not `process.exit`: what is printed to a pipe must get there first.
process.exitCode = await run(process.argv.slice(2));

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CannotLook } from '../conformance/verdict.js';
import type { SecondFactorOptions } from '../options.js';
import type { UserList } from '../policy/coverage.js';
import type { ReportContext } from '../report/context.js';

/** What `second-factor.config.js` exports, put in order. */
export interface SecondFactorConfig {
  options: SecondFactorOptions;
  context: Omit<ReportContext, 'mode'>;
  /** All users, for `export coverage`. */
  users: (() => UserList) | undefined;
  close: () => unknown;
}

interface Exports extends Pick<ReportContext, 'session' | 'redis' | 'countUsers' | 'url'> {
  default?: SecondFactorOptions | (() => SecondFactorOptions | Promise<SecondFactorOptions>);
  close?: () => unknown;
  users?: () => UserList;
}

/** @throws CannotLook with what is wrong with the file. */
export async function readConfig(file: string): Promise<SecondFactorConfig> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new CannotLook(
      `There is no ${file} here. It exports the options of createSecondFactor (docs/report.md); --config names another file.`,
    );
  }
  try {
    const exported = (await import(pathToFileURL(path).href)) as Exports;
    const { default: given, redis, countUsers, url, users, close = () => undefined } = exported;
    const options = typeof given === 'function' ? await given() : given;
    if (!options) throw new Error('Its default export must be the options of createSecondFactor.');
    const context = {
      from: dirname(path),
      ...(exported.session && { session: exported.session }),
      ...(redis && { redis }),
      ...(countUsers && { countUsers }),
      ...(url !== undefined && { url }),
    };
    return { options, context, users, close };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'It has thrown something that is no Error.';
    throw new CannotLook(`${file} cannot be used: ${concealPasswords(reason)}`, { cause });
  }
}

/** The words are the host's, and may quote an address of theirs. */
function concealPasswords(text: string): string {
  return text.replace(/:\/\/\S*@/g, '://…@');
}

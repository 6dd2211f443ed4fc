import { once } from 'node:events';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { SECOND, withPatience } from '../clock.js';
import { CannotLook } from '../conformance/verdict.js';
import { createSecondFactor, type SecondFactor } from '../second-factor.js';
import { readConfig, type SecondFactorConfig } from './config.js';

/** Milliseconds that the notice to the owner may take. */
const NOTICE = 10 * SECOND;

/** How long connections may stay open that nobody has closed. */
const FAREWELL = 2_000;

/** Of every command that reads the configuration. */
export const common = {
  config: { type: 'string', default: 'second-factor.config.js' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs a command to its exit code; what it cannot do is said in a sentence, and is 2. */
export async function perform(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CannotLook)) throw error;
    console.error(error.message);
    return 2;
  } finally {
    endSoon();
  }
}

/** @throws CannotLook with the usage. */
export function parse<Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw new CannotLook(`${cause instanceof Error ? cause.message : ''}\n\n${usage}`, { cause });
  }
}

/** @returns the exit code. */
export function explain(usage: string): number {
  console.log(usage);
  return 0;
}

/** Reads `second-factor.config.js`, and closes what it has opened. @throws CannotLook in the words of whatever has failed. */
export async function withConfig(
  file: string,
  work: (config: SecondFactorConfig) => Promise<number>,
): Promise<number> {
  const config = await readConfig(file);
  try {
    return await work(config);
  } catch (cause) {
    if (cause instanceof CannotLook) throw cause;
    throw new CannotLook(cause instanceof Error ? cause.message : 'It failed.', { cause });
  } finally {
    await withPatience(closeAll(config)).catch(() => undefined);
  }
}

/** Opens the gate as the application does, tables upgraded. */
export function withSecondFactor(
  file: string,
  work: (secondFactor: SecondFactor, config: SecondFactorConfig) => Promise<number>,
): Promise<number> {
  return withConfig(file, async (config) => {
    const secondFactor = createSecondFactor(config.options);
    try {
      await secondFactor.ready();
      return await work(secondFactor, config);
    } finally {
      await withPatience(secondFactor.close(), NOTICE).catch(() => undefined);
    }
  });
}

/** No faster than whoever reads it. */
export async function print(piece: string): Promise<void> {
  if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}

async function closeAll({ close }: SecondFactorConfig): Promise<void> {
  await close();
}

/** Whatever the configuration leaves open must not keep the process; what was printed to a pipe gets there first. */
function endSoon(): void {
  setTimeout(() => {
    process.stdout.write('', () => process.exit());
  }, FAREWELL).unref();
}

import { parseArgs, type ParseArgsConfig } from 'node:util';
import { withPatience } from '../clock.js';
import { CannotLook } from '../conformance/verdict.js';
import { createSecondFactor, type SecondFactor } from '../second-factor.js';
import { readConfig, type SecondFactorConfig } from './config.js';

/** How long connections may stay open that nobody has closed. */
const FAREWELL = 2_000;

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

/** Reads `second-factor.config.js`, and closes what it has opened. */
export async function withConfig<T>(
  file: string,
  work: (config: SecondFactorConfig) => Promise<T>,
): Promise<T> {
  const config = await readConfig(file);
  try {
    return await work(config);
  } finally {
    await withPatience(closeAll(config)).catch(() => undefined);
  }
}

/** @throws CannotLook where the options are wrong. */
export function openSecondFactor({ options }: SecondFactorConfig): SecondFactor {
  try {
    return createSecondFactor(options);
  } catch (cause) {
    throw new CannotLook(cause instanceof Error ? cause.message : 'The options are wrong.', { cause });
  }
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

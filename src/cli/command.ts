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

/** Opens the gate as the application does, tables upgraded. */
export function withSecondFactor(
  file: string,
  work: (secondFactor: SecondFactor, config: SecondFactorConfig) => Promise<number>,
): Promise<number> {
  return withConfig(file, async (config) => {
    const secondFactor = openSecondFactor(config);
    try {
      await secondFactor.ready();
      return await work(secondFactor, config);
    } catch (cause) {
      if (cause instanceof CannotLook) throw cause;
      throw new CannotLook(cause instanceof Error ? cause.message : 'The storage cannot be used.', { cause });
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

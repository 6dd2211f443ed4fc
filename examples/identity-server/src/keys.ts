import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config, SealingKey } from './config.js';
import { log } from './log.js';
import { SetupError } from './setup-error.js';

export interface Keys {
  /** Signs the session cookie. */
  sessionSecret: string;
  /** Seal the secrets of the authenticators; the first one seals, all of them open. */
  twoFactorKeys: SealingKey[];
}

const keysFile = z.object({
  sessionSecret: z.string().min(32),
  twoFactorKeys: z.array(z.object({ id: z.string(), secret: z.string() })).min(1),
});

/** The keys of the environment; what is missing there comes from the development keys, never in production. */
export function findKeys(config: Config): Keys {
  const { sessionSecret } = config;
  const twoFactorKeys = config.twoFactor.keys;
  if (sessionSecret !== undefined && twoFactorKeys !== undefined) return { sessionSecret, twoFactorKeys };
  if (config.production) throw new SetupError(adviceForProduction(config));
  const file = join(config.dataFolder, 'development-keys.json');
  createOnce(config.dataFolder, file);
  const stored = readKeys(file);
  return {
    sessionSecret: sessionSecret ?? stored.sessionSecret,
    twoFactorKeys: twoFactorKeys ?? stored.twoFactorKeys,
  };
}

function adviceForProduction(config: Config): string {
  const advice: string[] = [];
  if (config.sessionSecret === undefined) {
    advice.push('SESSION_SECRET is missing. Make one with: openssl rand -base64 32');
  }
  if (config.twoFactor.keys === undefined) {
    advice.push(
      'TWO_FACTOR_KEYS is missing. Make one with: echo "$(date +%Y-%m):$(openssl rand -base64 32)"',
    );
  }
  advice.push(
    'In production no keys are made up: keep them where every server and every restart finds the same.',
  );
  return advice.join('\n');
}

/**
 * The file is complete before it gets its name, and a name is given once (`link` fails where one exists): of two
 * processes that start together, one creates the keys and both use them.
 */
function createOnce(folder: string, file: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return;
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  const keys: Keys = {
    sessionSecret: randomBytes(32).toString('base64'),
    twoFactorKeys: [{ id: 'development', secret: randomBytes(32).toString('base64') }],
  };
  try {
    writeFileSync(draft, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(draft, file);
    log.info(`Keys: made for development, in ${file}`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readKeys(file: string): Keys {
  // Others who can read the file could sign sessions; others who own it could have chosen the keys.
  const { mode, uid } = statSync(file);
  const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0);
  if (!isOurs)
    throw new SetupError(`${file} must belong to you alone: chmod 600 it, or remove it to get new keys.`);
  try {
    return keysFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Without the cause: it may quote the file.
    throw new SetupError(
      `${file} cannot be read as keys. Restore it; if you remove it, set-up second factors are lost.`,
    );
  }
}

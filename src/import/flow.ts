import type { Journal } from '../audit/journal.js';
import { hashCodes } from '../backup-codes/code-set.js';
import type { KeyRing } from '../crypto/key-ring.js';
import { randomId } from '../crypto/random.js';
import { isEqual } from '../crypto/hash.js';
import { SECOND } from '../clock.js';
import { noSource, type Source } from '../http/source.js';
import { isOn } from '../model.js';
import type { LegacyRules } from '../options.js';
import type { Settings } from '../settings.js';
import type { FactorImport, Storage } from '../storage/storage.js';
import { encodeKey } from '../totp/key-uri.js';
import { openSecret, sealSecret } from '../totp/secret.js';
import { type CheckedFactor, checkRecord, type ImportRow, type RefusedReason } from './record.js';

/** What became of one row, in the order of the rows. */
export type ImportResult = { line?: number } & (
  | {
      /**
       * `imported`: the user has it from now on (in a dry run: would have). `already`: the user has this very secret. `exists`: the user has a second factor with another
       * one, which stays. `removed`: the user had one here and it was turned off; it is not brought back.
       */
      kind: 'imported' | 'already' | 'exists' | 'removed';
      userId: string;
      /** Whether its backup codes work here too. */
      hasBackupCodes: boolean;
    }
  | { kind: 'refused'; reason: RefusedReason }
);

/** How rows are taken over. */
export interface ImportOptions extends LegacyRules {
  /** Looks at everything and writes nothing. Two rows for one user both count as `imported` then. Default `false`. */
  dryRun?: boolean | undefined;
}

/** Rows, perhaps more than memory holds. */
export type ImportRows = Iterable<ImportRow> | AsyncIterable<ImportRow>;

export interface ImportFlow {
  /** Rows are read as their results are, 50 at a time; what was answered is committed. */
  importAll(rows: ImportRows, options: ImportOptions): AsyncGenerator<ImportResult, void, undefined>;
  /** One user's, in the middle of a login. Where the user has one by now, that one stays. */
  moveIn(userId: string, factor: CheckedFactor, source: Source): Promise<void>;
}

/** In one transaction: short beside the logins that wait for it. */
const BATCH = 50;

type Prepared = { line?: number } & (
  { kind: 'refused'; reason: RefusedReason } | { kind: 'factor'; userId: string; factor: CheckedFactor }
);

export function createImportFlow(
  { clock }: Settings,
  storage: Storage,
  ring: KeyRing,
  journal: Journal,
): ImportFlow {
  function make(userId: string, factor: CheckedFactor, source: Source): FactorImport {
    const now = clock();
    const { secret, backupCodes, ...rest } = factor;
    const owner = { userId, id: randomId() };
    return {
      userId,
      authenticator: {
        ...owner,
        ...rest,
        sealedSecret: sealSecret(ring, owner, secret),
        // Codes of before this time step may have been used at the other system; the present one is what the person sees.
        lastStep: Math.floor(now / SECOND / rest.period) - 1,
        createdAt: now,
        lastUsedAt: null,
      },
      backupCodes: backupCodes && hashCodes(ring, userId, { setId: randomId(), codes: backupCodes }),
      now,
      events: [journal.draft('factor.imported', userId, source, { authenticator: factor.name })],
    };
  }

  async function write(imports: readonly FactorImport[]): Promise<boolean[]> {
    const outcomes = imports.length === 0 ? [] : await storage.importFactors(imports);
    for (const [index, { events }] of imports.entries()) if (outcomes[index]) journal.publish(events);
    return outcomes;
  }

  /** How a user stands whom nothing was written for. */
  async function look(
    userId: string,
    { secret }: CheckedFactor,
    dryRun: boolean,
  ): Promise<'imported' | 'already' | 'exists' | 'removed'> {
    const account = await storage.findAccount(userId);
    if (!isOn(account)) return dryRun && account?.wasOn !== true ? 'imported' : 'removed';
    const authenticators = await storage.listAuthenticators(userId);
    const isSame = authenticators.some((authenticator) => {
      try {
        return isEqual(encodeKey(openSecret(ring, authenticator)), encodeKey(secret));
      } catch {
        // Sealed with a key that is gone: it is another one, for all that anybody knows.
        return false;
      }
    });
    return isSame ? 'already' : 'exists';
  }

  async function* importBatch(
    rows: readonly Prepared[],
    dryRun: boolean,
  ): AsyncGenerator<ImportResult, void, undefined> {
    const factors = rows.filter((row) => row.kind === 'factor');
    const imports = dryRun ? [] : factors.map(({ userId, factor }) => make(userId, factor, noSource));
    const outcomes = await write(imports);
    const done = new Set(factors.filter((_, index) => outcomes[index]));
    for (const row of rows) {
      if (row.kind === 'refused') {
        yield row;
        continue;
      }
      const { userId, factor, ...rest } = row;
      const kind = done.has(row) ? 'imported' : await look(userId, factor, dryRun);
      const hasBackupCodes = kind === 'imported' && factor.backupCodes !== null;
      yield { ...rest, kind, userId, hasBackupCodes };
    }
  }

  return {
    async *importAll(rows, { dryRun = false, ...rules }) {
      let batch: Prepared[] = [];
      for await (const row of rows) {
        batch.push(prepare(row, rules));
        if (batch.length < BATCH) continue;
        yield* importBatch(batch, dryRun);
        batch = [];
      }
      yield* importBatch(batch, dryRun);
    },

    async moveIn(userId, factor, source) {
      await write([make(userId, factor, source)]);
    },
  };
}

function prepare(row: ImportRow, rules: LegacyRules): Prepared {
  const line = row.line === undefined ? {} : { line: row.line };
  if ('reason' in row) return { ...line, kind: 'refused', reason: row.reason };
  const factor = checkRecord(row, rules);
  if (typeof factor === 'string') return { ...line, kind: 'refused', reason: factor };
  return { ...line, kind: 'factor', userId: row.userId, factor };
}

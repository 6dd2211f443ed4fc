import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createInstallation, type ExampleServer, startExample } from '../helpers/example-server.js';
import { redisUrl } from '../helpers/redis.js';
import { type Answered, Visitor } from '../helpers/visitor.js';

/** Two processes of the example on one database and one Redis; requests alternate between them. */
const installation = createInstallation(redisUrl());
let servers: ExampleServer[] = [];
let nodes: string[] = [];
let database: Database.Database;

beforeAll(async () => {
  servers = await Promise.all([
    startExample(installation.environment),
    startExample(installation.environment),
  ]);
  nodes = servers.map((server) => server.url);
  database = new Database(installation.environment['DATABASE_URL']?.slice('file:'.length) ?? '');
});

afterAll(async () => {
  database.close();
  await Promise.all(servers.map((server) => server.stop()));
  installation.remove();
});

const CALLERS = 16;
/** Each round hashes 17 passwords as slowly as the example does. `ROUNDS=10 npx vitest run test/nodes` for more. */
const rounds = Array.from({ length: Number(process.env['ROUNDS'] ?? 2) }, (_, round) => round);
vi.setConfig({ testTimeout: 90_000 });

async function enrolled(username: string) {
  const visitor = new Visitor(nodes);
  await visitor.register(username);
  return visitor.setUp();
}

/** Visitors whose password was right, each with the hidden fields of its challenge page. */
async function pendingLogins(
  username: string,
  count: number,
): Promise<{ visitor: Visitor; hidden: Record<string, string> }[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const visitor = new Visitor(nodes);
      await visitor.signIn(username);
      return { visitor, hidden: await visitor.hidden('/two-factor/challenge') };
    }),
  );
}

async function countSignedIn(visitors: readonly Visitor[]): Promise<number> {
  const answers = await Promise.all(visitors.map((visitor) => visitor.isSignedIn()));
  return answers.filter(Boolean).length;
}

describe('R3 R5 over two nodes', () => {
  it.each(rounds)('one TOTP code sent 16 times at once logs in once (round %i)', async (round) => {
    const factor = await enrolled(`totp-${String(round)}`);
    const logins = await pendingLogins(`totp-${String(round)}`, CALLERS);
    const code = factor.code(1);
    await Promise.all(
      logins.map(({ visitor, hidden }, caller) =>
        visitor.post('/two-factor/challenge', { ...hidden, code }, caller),
      ),
    );
    expect(await countSignedIn(logins.map(({ visitor }) => visitor))).toBe(1);
  });

  it.each(rounds)('one backup code sent 16 times at once logs in once (round %i)', async (round) => {
    const { backupCodes } = await enrolled(`backup-${String(round)}`);
    const logins = await pendingLogins(`backup-${String(round)}`, CALLERS);
    const code = backupCodes[0] ?? '';
    await Promise.all(
      logins.map(({ visitor, hidden }, caller) =>
        visitor.post('/two-factor/challenge', { ...hidden, code }, caller),
      ),
    );
    expect(await countSignedIn(logins.map(({ visitor }) => visitor))).toBe(1);
  });

  it.each(rounds)(
    'four different right codes for one pending login complete it once (round %i)',
    async (round) => {
      const username = `four-${String(round)}`;
      const { code, backupCodes } = await enrolled(username);
      const [login] = await pendingLogins(username, 1);
      if (!login) throw new Error('no pending login');
      // The present code enabled the factor; the next step's, and backup codes, are unused.
      const codes = [code(1), ...backupCodes.slice(0, 3)];
      const twins = codes.map(() => login.visitor.copy());
      const answers = await Promise.all(
        twins.map((twin, caller) =>
          twin.post('/two-factor/challenge', { ...login.hidden, code: codes[caller] ?? '' }, caller),
        ),
      );
      expect(answers.filter(isLogin)).toHaveLength(1);
      expect(await countSignedIn(twins)).toBe(1);
      const used = database
        .prepare(
          `SELECT (SELECT count(*) FROM two_factor_backup_codes c JOIN two_factor_backup_sets s ON s.id = c.set_id
           WHERE s.user_id = u.id AND c.used_at IS NOT NULL) +
         (SELECT count(*) FROM two_factor_authenticators a WHERE a.user_id = u.id AND a.last_used_at IS NOT NULL) AS used
         FROM users u WHERE u.username = ?`,
        )
        .get([username]) as { used: number };
      expect(used.used).toBe(1);
    },
  );
});

it('R4 400 wrong codes sent at once over 40 pending logins: 5 are looked at', async () => {
  const { code } = await enrolled('guessed');
  const logins = await pendingLogins('guessed', 40);
  const right = new Set([-2, -1, 0, 1, 2].map((steps) => code(steps)));
  const wrong = Array.from({ length: 410 }, (_, n) => String(100_000 + n)).filter(
    (guess) => !right.has(guess),
  );
  const answers = await Promise.all(
    logins.flatMap(({ visitor, hidden }, login) =>
      Array.from({ length: 10 }, (_, n) =>
        visitor.copy().post('/two-factor/challenge', { ...hidden, code: wrong[login * 10 + n] ?? '' }, n),
      ),
    ),
  );
  expect(answers).toHaveLength(400);
  expect(answers.filter(isLogin)).toHaveLength(0);
  // Each refusal names its reason; what was looked at stands in both counters.
  const lane =
    'SELECT totp_failures AS n FROM two_factor_auth JOIN users ON users.id = user_id WHERE username = ?';
  const rows =
    "SELECT sum(failures) AS n FROM two_factor_pending p JOIN users ON users.id = user_id WHERE username = ? AND purpose = 'login'";
  const count = (sql: string): number => (database.prepare(sql).get(['guessed']) as { n: number }).n;
  expect([count(lane), count(rows)]).toEqual([5, 5]);
  expect(answers.filter(({ text }) => text.includes('That code is not right')).length).toBeLessThanOrEqual(5);
});

it('R7 a changed password ends the sessions on the other node', async () => {
  const mine = new Visitor(nodes);
  await mine.register('owner');
  const thief = new Visitor([...nodes].reverse());
  await thief.signIn('owner');
  expect(await thief.isSignedIn()).toBe(true);
  await mine.submit('/account/password', {
    current: 'owner has a long password',
    password: 'owner has a new password',
  });
  expect(await mine.isSignedIn()).toBe(true);
  expect(await thief.isSignedIn()).toBe(false);
});

function isLogin({ status, location }: Answered): boolean {
  // After a backup code past the page that says how many are left.
  return (
    status === 303 &&
    /^\/(account|two-factor\/backup-codes\/used\?return_to=%2Faccount)$/.test(location ?? '')
  );
}

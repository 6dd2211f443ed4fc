import { SECOND } from '../clock.js';
import { KEYS_PATIENCE } from '../keys/source.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';
import { describeAnswers } from './answers.js';
import { askRedis, compareClocks, findRedis } from './clocks.js';
import { describeConfiguration } from './configuration.js';
import type { ReportContext } from './context.js';
import { describeCookie } from './cookie.js';
import { describeDependencies } from './dependencies.js';
import { describeEndpoints } from './endpoints.js';
import { look } from './look.js';
import { type Finding, type Report, type SectionId, severities } from '../findings.js';
import { testOurselves } from './self-test.js';
import { describeSessions, probeStore } from './sessions.js';
import { describeTables } from './tables.js';
import { describeUsers } from './users.js';
import { visit } from './visit.js';

/** Whole tables are counted. */
const inspectionPatience = 10 * SECOND;

/** Looks at everything at once; what does not answer is one of the things that the report says. */
export async function collectReport(
  settings: Settings,
  storage: Storage,
  context: ReportContext,
): Promise<Report> {
  const { clock, limits } = settings;
  const { mode = 'production', from = process.cwd() } = context;
  const url = withoutPassword(context.url);
  const given = context.session ?? {};
  const { store } = given;
  const redis = context.redis ?? findRedis(store);
  const [keys, inspection, total, visited, probe, redisAhead] = await Promise.all([
    look(() => settings.keys(), KEYS_PATIENCE + SECOND),
    look(() => storage.inspect(clock, limits.cap), inspectionPatience),
    look(() => context.countUsers?.()),
    url === undefined ? undefined : look(() => visit(url, settings), inspectionPatience),
    store && look(() => probeStore(store)),
    redis && look(() => askRedis(redis, clock)),
  ]);
  const findings: Record<SectionId, Finding> = {
    configuration: describeConfiguration(settings, keys, mode),
    tables: describeTables(inspection),
    users: describeUsers(inspection, total),
    dependencies: describeDependencies(from),
    endpoints: describeEndpoints(url, visited, settings),
    'self-test': testOurselves(keys, inspection),
    sessions: describeSessions(store, probe, mode),
    cookie: describeCookie(
      given.cookie,
      visited?.seen?.cookieFlags,
      url?.startsWith('https:') ?? false,
      mode,
    ),
    clocks: compareClocks({
      database: inspection.seen?.clockAhead,
      redis: redisAhead?.seen,
      server: visited?.seen?.clockAhead,
    }),
    answers: describeAnswers(inspection),
  };
  const sections = Object.entries(findings) as [SectionId, Finding][];
  return {
    checkedAt: new Date(clock()).toISOString(),
    sections: sections.map(([id, { rows }]) => ({ id, rows })),
    problems: sections
      .flatMap(([section, { problems }]) =>
        problems.map((found) => ({ ...found, section, severity: severities[found.code] })),
      )
      .sort((a, b) => Number(a.severity === 'notice') - Number(b.severity === 'notice')),
  };
}

/** The address is printed, and `fetch` takes none with a name or password. */
function withoutPassword(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.username === '' && url.password === '') return address;
  return Object.assign(url, { username: '', password: '' }).href;
}

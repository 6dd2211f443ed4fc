import type { ClockDifference } from '../../findings.js';
import type { ReportTexts } from '../report.js';

const count = (amount: number, one: string, many = `${one}s`): string =>
  `${amount} ${amount === 1 ? one : many}`;

const clocks = { database: 'the database', redis: 'Redis', server: 'the running server' };

const describeDifference = ({ clock, ahead }: ClockDifference): string =>
  `${clocks[clock]} is ${Math.abs(ahead)} s ${ahead > 0 ? 'ahead' : 'behind'}`;

export const report: ReportTexts = {
  title: 'Second factor: status report',
  checkedAt: (time) => `Checked at ${time}`,
  summary: (problems, notices) =>
    problems + notices === 0
      ? 'Everything is in order.'
      : `${count(problems, 'problem')}, ${count(notices, 'notice')}`,
  problemsTitle: 'Problems and notices',
  meaning: 'What it means',
  action: 'What to do',
  expected: (value) => `expected: ${value}`,
  columns: { state: 'State', name: 'What', value: 'Found' },
  states: { ok: 'ok', problem: 'PROBLEM', notice: 'notice', unknown: 'unknown' },
  sections: {
    configuration: 'Configuration',
    tables: 'Tables',
    users: 'Users and coverage',
    dependencies: 'Dependencies',
    endpoints: 'Endpoints',
    'self-test': 'Self-test',
    sessions: 'Session store',
    cookie: 'Session cookie',
    clocks: 'Clocks, compared with this process',
    answers: 'Answers of the last minutes',
  },
  rows: {
    enabled: 'second step',
    mode: 'mode',
    issuer: 'issuer',
    origin: 'origin',
    pages: 'path of the pages',
    api: 'path of the API',
    window: 'time steps accepted',
    keys: 'keys, the first one seals',
    cap: 'failures that suspend',
    required: 'second factor required of',
    grace: 'time to set it up',
    loosened: 'loosening options',
    storage: 'storage',
    schema: 'migrated to version',
    table: null,
    users: 'users',
    enrolled: 'with a second factor',
    coverage: 'coverage',
    failing: 'with wrong answers in a row',
    delayed: 'waiting after wrong answers',
    suspended: 'suspended',
    dependency: null,
    server: 'server',
    endpoint: null,
    'rfc-vector': 'codes as in RFC 6238',
    seal: 'seals and opens with key',
    'sealed-authenticator': 'authenticators, key',
    'sealed-backup-codes': 'sets of backup codes, key',
    store: 'store',
    probe: 'writing, reading, deleting',
    latency: 'time to read',
    'http-only': 'HttpOnly',
    secure: 'Secure',
    'same-site': 'SameSite',
    'cookie-path': 'Path',
    'cookie-sent': 'sent by the server',
    'clock-database': 'database',
    'clock-redis': 'Redis',
    'clock-server': 'running server',
    'logins-begun': 'second steps begun',
    'logins-completed': 'completed',
    'wrong-answers': 'wrong answers',
    rejected: 'rejected',
  },
  words: {
    on: 'on',
    off: 'off',
    yes: 'yes',
    no: 'no',
    none: 'none',
    everybody: 'everybody',
    'by-rule': 'whom the application’s rule names',
    production: 'production',
    development: 'development',
    works: 'works',
    fails: 'fails',
    answers: 'answers',
    'no-answer': 'no answer',
    missing: 'missing',
    'not-found': 'not found',
    'not-set': 'not set',
    'not-looked-at': 'not looked at',
  },
  problems: {
    'switched-off': () => ({
      meaning: 'The second step is switched off: a password alone signs everybody in.',
      action: 'Remove enabled: false from the options and restart.',
    }),
    'development-mode': () => ({
      meaning: 'This is not a production installation; what is only needed there is not asked for.',
      action: 'On a production server set NODE_ENV=production.',
    }),
    'storage-unreachable': ({ reason }) => ({
      meaning: `The database does not answer (${reason}): nobody with a session is let in, and nobody can sign in.`,
      action: 'Start the database, or correct its address, user and password in your configuration.',
    }),
    'not-migrated': ({ there, known, missing }) => ({
      meaning:
        missing.length > 0
          ? `Tables are missing (${missing.join(', ')}): nobody can sign in.`
          : `The tables are at version ${there}, this release needs ${known}: nobody can sign in.`,
      action:
        'Start the application, which migrates in secondFactor.ready(), with a user that may create tables.',
    }),
    'schema-newer': ({ there, known }) => ({
      meaning: `The tables are at version ${there}, and this release knows ${known}: a newer release has upgraded them.`,
      action: 'Install the newer release here as well; an older one could undo what it protects.',
    }),
    'no-users': () => ({
      meaning: 'There are no users yet.',
      action: 'Nothing, if the installation is new. Else look whether this is the right database.',
    }),
    'users-suspended': ({ count: users }) => ({
      meaning: `${count(users, 'user has', 'users have')} reached the cap of wrong answers: codes of that kind are not looked at any more.`,
      action:
        'It may be an attack by somebody who knows the password: ask these users to change it. A backup code still signs in where TOTP codes are suspended.',
    }),
    'dependency-unsupported': ({ name, version, range }) => ({
      meaning: `${name} ${version} is outside of the range that this package was made for (${range}).`,
      action: `Install a version in that range: npm install ${name}@"${range}" (for Node another release of it).`,
    }),
    'server-not-running': ({ url, reason }) => ({
      meaning: `Nobody answers at ${url} (${reason}).`,
      action: 'Start the application, or name the address at which it runs (--url).',
    }),
    'pages-not-mounted': ({ path }) => ({
      meaning: `The pages are not at ${path}: whoever owes the second step is sent to a page that does not exist.`,
      action: `Mount them, app.use('${path}', secondFactor.pages()), below passport.session(); or correct paths.pages.`,
    }),
    'api-not-mounted': ({ path }) => ({
      meaning: `There is no JSON API at ${path}.`,
      action: `Nothing, if you do not use it. Else mount it, app.use('${path}', secondFactor.api()); or correct paths.api.`,
    }),
    'endpoint-wrong': ({ endpoints }) => ({
      meaning: `These answer otherwise than they should (in brackets what is expected): ${endpoints.join('; ')}.`,
      action:
        'Look at what stands above the mount: another route, a proxy, an error. A 503 mostly means that sessions or database do not answer.',
    }),
    'self-test-failed': ({ test }) => ({
      meaning: `The self-test failed (${test}): right codes may be refused.`,
      action: 'Reinstall the dependencies (npm ci). If it stays, report it with the versions of this report.',
    }),
    'keys-unavailable': ({ reason }) => ({
      meaning: `The function of "keys" gives no keys (${reason}): a process that starts now lets nobody with a session in, and nobody can sign in.`,
      action:
        'Start the key service, or correct how the configuration asks it. Then start the application again.',
    }),
    'key-missing': ({ keyId, records }) => ({
      meaning: `${count(records, 'record was', 'records were')} sealed with the key "${keyId}", which is not in the ring: their owners cannot sign in, and the next start is refused.`,
      action:
        'Put that key back into "keys", behind the first one. A key leaves the ring only when nothing is sealed with it. If it is gone for good, say so: { id, lost: true } (docs/keys.md).',
    }),
    'key-lost': ({ keyId, records }) => ({
      meaning: `${count(records, 'record is', 'records are')} sealed with the key "${keyId}", which is marked as lost: these authenticators and backup codes are refused. Owners who have others can use those.`,
      action:
        'If you find the key, put its secret back. Else turn the second factor of those who have no other off (second-factor reset), once you know who asks; docs/keys.md says how to find them.',
    }),
    'seal-broken': ({ keyId, records }) => ({
      meaning: `A record that was sealed with the key "${keyId}" does not open (${count(records, 'record')} of that key): the key has changed under its id, or the record was changed or moved.`,
      action:
        'Restore the right secret of that key. If the key is right, restore the record from a backup, and find out who writes to these tables.',
    }),
    'session-store-memory': () => ({
      meaning:
        'Sessions are kept in the memory of one process: a restart signs everybody out, a second process does not know them, and memory grows.',
      action: 'Give express-session a store, such as connect-redis.',
    }),
    'session-store-unreachable': ({ store, reason }) => ({
      meaning: `The session store (${store}) does not answer (${reason}): nobody can sign in, and who is signed in gets a 503.`,
      action: 'Start Redis, or whatever keeps the sessions, or correct its address in your configuration.',
    }),
    'cookie-not-http-only': () => ({
      meaning: 'Scripts can read the session cookie: one injected script is enough to steal a session.',
      action: 'Remove httpOnly: false from the cookie of express-session.',
    }),
    'cookie-not-secure': () => ({
      meaning: 'Browsers send the session cookie over http as well, where everybody on the way can read it.',
      action: "Set cookie: { secure: true } in express-session, or 'auto' behind a proxy with trust proxy.",
    }),
    'cookie-same-site-none': () => ({
      meaning: 'Browsers send the session cookie with requests that other sites make.',
      action: "Set cookie: { sameSite: 'lax' } in express-session.",
    }),
    'clock-off': ({ differences }) => ({
      meaning: `The clocks do not agree: compared with this process, ${differences.map(describeDifference).join(', ')}. A code is good for about a minute: right codes are refused.`,
      action:
        'Let every machine keep its time with NTP (timedatectl set-ntp true, or chrony), and correct the one that is wrong.',
    }),
    'answers-often-wrong': ({ wrong, percent }) => ({
      meaning: `${wrong} answers of the last minutes were wrong, ${percent} % of all.`,
      action:
        'Look at the clocks above first. If they agree, somebody may be guessing: the limits hold, but look where these logins come from.',
    }),
  },
};

import { pino } from 'pino';

/** What must not come into a log, wherever in a record it stands: the names of our forms, cookies and headers. */
const secretNames = [
  ...['password', 'current', 'code', 'token', 'secret', 'key', 'keys', 'backupCodes', 'sid'],
  ...['cookie', 'set-cookie', 'authorization', 'url', 'body', 'session'],
];

/** For programs in production (JSON lines), for people else. `level` may be changed. */
export const log = pino(
  {
    base: null,
    // What an error says is ours to choose: its stack and causes, not what hangs on it (see `describe`).
    serializers: { err: (error: unknown) => describe(error) },
    redact: {
      paths: secretNames.flatMap((name) => [quoted(name), `*${quoted(name)}`, `*.*${quoted(name)}`]),
      censor: '***',
    },
  },
  process.env['NODE_ENV'] === 'production' ? process.stdout : { write: printForPeople },
);

function quoted(name: string): string {
  return `["${name}"]`;
}

interface Line {
  level: number;
  msg?: string;
  err?: string;
}

function printForPeople(line: string): void {
  const { level, msg, err, ...more } = JSON.parse(line) as Line & { time?: number };
  delete more.time;
  const facts = Object.keys(more).length > 0 ? JSON.stringify(more) : undefined;
  const text = [msg, facts, err].filter((part) => part !== undefined).join(' ');
  if (level >= (log.levels.values['warn'] ?? 0)) console.error(text);
  else console.log(text);
}

/** How many causes of causes are told: an error may be its own. */
const DEPTH = 5;

/** Stack and causes, nothing else: an error of ioredis carries the command too, with the session and its id. */
export function describe(error: unknown, depth = DEPTH): string {
  if (!(error instanceof Error)) return 'An error that is no Error was thrown.';
  const stack = error.stack ?? error.message;
  if (error.cause === undefined || depth === 0) return stack;
  return `${stack}\nbecause of ${describe(error.cause, depth - 1)}`;
}

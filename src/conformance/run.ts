import { SECOND, systemClock } from '../clock.js';
import { Browser } from './browser.js';
import type { Check } from './check.js';
import { allChecks } from './checks/all.js';
import { Controls } from './controls.js';
import { type Manifest, readPart } from './manifest.js';
import { Stage } from './stage.js';
import { CannotLook, type Status, Verdict } from './verdict.js';

export interface Result {
  id: string;
  kind: Check['kind'];
  rule: string;
  title: string;
  status: Status;
  /** What happened. */
  text: string;
  milliseconds: number;
}

export interface RunOptions {
  /** Ids; empty for all. */
  only?: readonly string[];
  /** How many checks run side by side. */
  concurrency?: number;
  onResult?: (result: Result, done: number, total: number) => void;
}

const firstStories = ['password-login', 'enrolment', 'login-totp'];

/** Runs the checks against the application of a manifest. @throws CannotLook where there is nothing to look at. */
export async function runChecks(manifest: Manifest, options: RunOptions = {}): Promise<Result[]> {
  const { only = [], concurrency = 3, onResult } = options;
  const known = allChecks(manifest);
  refuseUnknown('--only', only, known);
  refuseUnknown('skip in the manifest', Object.keys(manifest.skip), known);
  const checks = only.length === 0 ? known : known.filter(({ id }) => only.includes(id));
  const stage = new Stage(manifest, await measureClock(manifest));
  const controls = new Controls();
  const results: Result[] = [];
  const queue = [...checks.entries()];
  let done = 0;
  const takeNext = async (): Promise<Result | undefined> => {
    const next = queue.shift();
    if (!next) return undefined;
    const result = await runCheck(next[1], stage, controls);
    results[next[0]] = result;
    done += 1;
    onResult?.(result, done, checks.length);
    return result;
  };
  // Where the plain stories cannot be told, the manifest is wrong, and each further check would only say so again.
  while (queue[0] && firstStories.includes(queue[0][1].id)) stopIfUnclear(await takeNext());
  const work = async (): Promise<void> => {
    while (await takeNext());
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return results;
}

/** 0: all that could be looked at passed. 1: a check failed. 2: a check could not look. */
export function exitCode(results: readonly Result[]): 0 | 1 | 2 {
  if (results.some(({ status }) => status === 'failed')) return 1;
  const isLookedAt = results.some(({ status }) => status === 'passed');
  return !isLookedAt || results.some(({ status }) => status === 'unclear') ? 2 : 0;
}

async function runCheck(check: Check, stage: Stage, controls: Controls): Promise<Result> {
  const { id, kind, rule, title } = check;
  const start = systemClock();
  const { status, text } = await judge(check, stage, controls);
  return { id, kind, rule, title, status, text, milliseconds: systemClock() - start };
}

async function judge(
  check: Check,
  stage: Stage,
  controls: Controls,
): Promise<Pick<Result, 'status' | 'text'>> {
  const { manifest } = stage;
  const skipped = manifest.skip[check.id];
  if (skipped !== undefined) return { status: 'not applicable', text: `skipped in the manifest: ${skipped}` };
  const missing = check.needs?.find((part) => readPart(manifest, part) === undefined);
  if (missing !== undefined) return { status: 'not applicable', text: `the manifest has no \`${missing}\`` };
  try {
    const { kind, controls: names = [] } = check;
    await controls.prove(stage, kind === 'attack' ? ['challenge', ...names] : names);
    return { status: 'passed', text: await check.run(stage) };
  } catch (error) {
    if (error instanceof Verdict) return { status: error.status, text: error.message };
    // No answer at all, or ours to mend: never taken for a pass.
    return { status: 'failed', text: error instanceof Error ? error.message : 'an error that is no Error' };
  }
}

function stopIfUnclear(result: Result | undefined): void {
  if (result?.status !== 'unclear') return;
  throw new CannotLook(`The manifest does not fit the application (seen at ${result.id}).\n${result.text}`);
}

function refuseUnknown(place: string, ids: readonly string[], checks: readonly Check[]): void {
  const unknown = ids.filter((id) => !checks.some((check) => check.id === id));
  if (unknown.length === 0) return;
  throw new CannotLook(
    `${place} names no check: ${unknown.join(', ')}. The checks are: ${checks.map(({ id }) => id).join(', ')}.`,
  );
}

/** Asks whether anybody is there, and what time it is there: codes are made by the server's clock where ours differs. */
async function measureClock({ baseUrl, headers, login, name }: Manifest): Promise<number> {
  const site = { base: new URL(baseUrl), origin: baseUrl, headers, csrf: undefined };
  let answer;
  try {
    answer = await new Browser(site).open(login.page);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new CannotLook(
      `Nobody answers at ${baseUrl}: ${reason}. Start ${name}, or correct baseUrl in the manifest (or --url).`,
      { cause },
    );
  }
  if (answer.status >= 400) {
    throw new CannotLook(
      `${baseUrl}${login.page} answers with ${answer.status}. Correct login.page in the manifest, or baseUrl (or --url) if another application answers there.`,
    );
  }
  const offset = Date.parse(answer.headers.date ?? '') - systemClock();
  return Math.abs(offset) > 5 * SECOND ? offset : 0;
}

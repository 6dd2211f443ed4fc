import { setTimeout as wait } from 'node:timers/promises';
import type { Answer, Browser } from '../browser.js';
import type { Check } from '../check.js';
import type { Visitor } from '../factor-owner.js';
import { fill, fillText, holds } from '../form.js';
import { decode, type Fields } from '../html.js';
import type { Door, RequestStep } from '../manifest.js';
import type { Person } from '../person.js';
import type { Stage } from '../stage.js';
import { arrange, ensure } from '../verdict.js';

/** Every other way into the application: a user with a second factor is not signed in by it. */
export function doorChecks(doors: readonly Door[]): Check[] {
  return doors.map((door, index) => ({
    id: `door-${door.name}`,
    kind: 'attack',
    rule: 'R1',
    title: `The door "${door.name}" does not sign in a user with a second factor without it`,
    async run(stage) {
      // First without a second factor: a door that lets nobody in would prove nothing.
      const plain = await openDoor(stage, door, await stage.newcomer());
      arrange(
        plain.isIn,
        `doors.${index} (${door.name}) does not sign in a user without a second factor either: ${plain.story}. Correct its steps or its proof.`,
      );
      const held = await openDoor(stage, door, await stage.enrolled());
      ensure(!held.isIn, `a user with a second factor is let in without it: ${held.story}`);
      return `held (${held.story})`;
    },
  }));
}

async function openDoor(
  stage: Stage,
  door: Door,
  { person }: Visitor,
): Promise<{ isIn: boolean; story: string }> {
  const browser = stage.browser();
  const values = person.values();
  const story: string[] = [];
  for (const step of door.steps) {
    if ('dropCookies' in step) {
      for (const name of step.dropCookies) browser.setCookie(name, undefined);
    } else if ('signIn' in step) {
      await signIn(stage, browser, person, step.signIn);
    } else {
      const { status, missing } = await takeStep(browser, step, values);
      arrange(
        status !== 429 && status < 500,
        `the door's step ${step.path} was answered with ${status}: what it does then says nothing.`,
      );
      story.push(`${step.path} ${status}`);
      // What a later step needs is not there: the way ends here.
      if (missing !== undefined) return { isIn: false, story: `${story.join(', ')} without {{${missing}}}` };
    }
  }
  return { isIn: await isIn(stage, door, browser, person, values), story: story.join(', ') || 'no steps' };
}

/** A whole login, the second step included where there is one: doors may open from inside. */
async function signIn(stage: Stage, browser: Browser, person: Person, extra: Fields): Promise<void> {
  const { login } = stage.manifest;
  await stage.submit(browser, { ...login, fields: { ...login.fields, ...extra } }, person.values());
  if (person.secret !== undefined) await stage.answer(browser, person, await stage.nextCode(person));
  arrange(await stage.isSignedIn(browser, person), 'the step `signIn` did not sign in');
}

async function takeStep(
  browser: Browser,
  step: RequestStep,
  values: Fields,
): Promise<{ status: number; missing?: string }> {
  for (let tries = 1; ; tries += 1) {
    const answer = await sendStep(browser, step, values);
    const missing = extract(answer, step.extract, values);
    if (missing === undefined) return { status: answer.status };
    // A mail may take a moment to arrive.
    if (methodOf(step) !== 'GET' || tries === 10) return { status: answer.status, missing };
    await wait(250);
  }
}

async function sendStep(browser: Browser, step: RequestStep, values: Fields): Promise<Answer> {
  const path = toPath(fillText(step.path, values));
  const method = methodOf(step);
  const headers = fill(step.headers, values);
  if (method === 'GET') return browser.follow(await browser.get(path, headers));
  const hidden =
    step.page === undefined ? {} : await browser.hidden(toPath(fillText(step.page, values)), path);
  const fields = { ...hidden, ...fill(step.fields ?? {}, values) };
  const type = step.json ? 'application/json' : 'application/x-www-form-urlencoded';
  const body = step.json ? JSON.stringify(fields) : new URLSearchParams(fields).toString();
  return browser.send(path, { method, body, headers: { 'Content-Type': type, ...headers } });
}

/** Reads what the step names out of its answer. @returns the first name that is not there. */
function extract({ text, location }: Answer, patterns: Fields, values: Fields): string | undefined {
  const literal = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value.replace(/[^\w]/g, '\\$&')]),
  );
  for (const [name, pattern] of Object.entries(patterns)) {
    const found = new RegExp(fillText(pattern, literal)).exec(`${text}\n${location?.href ?? ''}`)?.[1];
    if (found === undefined) return name;
    values[name] = decode(found);
  }
  return undefined;
}

function methodOf({ method, fields }: RequestStep): string {
  return method ?? (fields ? 'POST' : 'GET');
}

async function isIn(
  stage: Stage,
  { proof }: Door,
  browser: Browser,
  person: Person,
  values: Fields,
): Promise<boolean> {
  if (!proof) return stage.isSignedIn(browser, person);
  const answer = await browser.get(proof.path, fill(proof.headers, values));
  return answer.status === proof.status && holds(answer, proof.contains, values);
}

/** A link may name any host, as one in a mail does; only the manifest's application is ever asked. */
function toPath(link: string): string {
  const url = new URL(link, 'http://application.invalid');
  return url.pathname + url.search;
}

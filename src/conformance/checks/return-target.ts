import type { Answer } from '../browser.js';
import type { Visitor } from '../factor-owner.js';
import { addQuery } from '../form.js';
import type { CodeForm } from '../manifest.js';
import type { Stage } from '../stage.js';
import { arrange, ensure, skip } from '../verdict.js';

/** Of each run, what `findFollowed` has found. */
const followed = new WeakMap<Stage, Promise<string>>();

/** A target on this site that is followed: else the parameter has another name, and no attacker could use it. */
export function findFollowed(stage: Stage): Promise<string> {
  const found = followed.get(stage) ?? lookForFollowed(stage);
  followed.set(stage, found);
  return found;
}

async function lookForFollowed(stage: Stage): Promise<string> {
  const { signedIn, protected: more } = stage.manifest;
  // No application goes to the first one of itself.
  const targets = [addQuery(signedIn.path, 'conformance', '1'), ...more];
  const ends: string[] = [];
  for (const target of targets) {
    const { url } = await returnTo(stage, target);
    const end = url.pathname + url.search;
    if (end === target) return target;
    ends.push(end);
  }
  arrange(
    false,
    `returnTo: no target on this site is followed either (${targets.join(', ')}): the login went on to ${ends.join(', ')}. Correct \`returnTo\` (page, parameter).`,
  );
}

/** A login that was asked to go on to `target`. @returns where it ended; with a `location` where that is another site. */
export async function returnTo(stage: Stage, target: string): Promise<Answer> {
  const { returnTo, login } = stage.manifest;
  if (!returnTo) skip('the manifest has no `returnTo`');
  const { page: place, parameter } = returnTo;
  const { person } = await stage.enrolled();
  const twist = { fields: (fields: object) => ({ ...fields, [parameter]: target }) };
  const browser = stage.browser();
  const loginPage = addQuery(login.page, parameter, target);
  if (place === 'login') await stage.submit(browser, { ...login, page: loginPage }, person.values(), twist);
  else if (place === 'challenge') await stage.signIn(person, browser);
  else await stage.complete(person, browser);
  const code = await stage.nextCode(person);
  const answer =
    place === 'login'
      ? await stage.answer(browser, person, code)
      : await stage.submitCode(browser, challengeTo(stage, target), person, code, twist);
  const end = await browser.follow(answer);
  ensure(await stage.isSignedIn(browser, person), `with the target ${target} the right code did not sign in`);
  return end;
}

/** The challenge that a complete session is sent to for a fresh proof, on the way to `target`. */
export function challengeTo({ manifest: { returnTo, challenge } }: Stage, target: string): CodeForm {
  const { parameter = '' } = returnTo ?? {};
  return {
    ...challenge,
    page: addQuery(challenge.page, parameter, target),
    fields: { ...challenge.fields, [parameter]: target },
  };
}

/** Gives a fresh proof. @returns whether it was taken: whether that leads on to `target`. */
export async function prove(
  stage: Stage,
  { person, browser }: Visitor,
  target: string,
  code: string,
): Promise<boolean> {
  const { url } = await browser.follow(
    await stage.submitCode(browser, challengeTo(stage, target), person, code),
  );
  return url.pathname + url.search === target;
}

import type { Browser } from '../browser.js';
import type { Person } from '../person.js';
import type { Stage } from '../stage.js';

export async function countSignedIn(
  stage: Stage,
  browsers: readonly Browser[],
  person: Person,
): Promise<number> {
  const answers = await Promise.all(browsers.map((browser) => stage.isSignedIn(browser, person)));
  return answers.filter(Boolean).length;
}

import type { Answer, Browser } from '../browser.js';
import type { Person } from '../person.js';
import type { Stage } from '../stage.js';
import { arrange } from '../verdict.js';

/**
 * The pages that somebody who is signed in can open, by where they end up: one that nobody can open stays shut for an
 * attacker as well, and proves nothing.
 * @throws Verdict `unclear` where a page of the manifest opens for nobody, or a protected one for everybody.
 */
export async function findGuardedPages(stage: Stage, person: Person): Promise<string[]> {
  const owner = await stage.complete(person);
  let newcomer: Browser | undefined;
  const found: string[] = [];
  for (const [place, page] of pagesOf(stage)) {
    let seen = await owner.open(page);
    if (!isItself(seen, page)) {
      // Some are for people without a second factor, such as the set-up.
      newcomer ??= (await stage.newcomer()).browser;
      const other = await newcomer.open(page);
      if (isItself(other, page) || !isOpen(stage, seen)) seen = other;
    }
    arrange(
      isOpen(stage, seen),
      `\`${place}\`: ${page} does not open for a signed-in user either (${seen.url.pathname} was answered with ${seen.status}). Correct it.`,
    );
    const end = seen.url.pathname + seen.url.search;
    if (place.startsWith('protected')) {
      const { status } = await stage.browser().get(end);
      arrange(
        status >= 300,
        `\`${place}\`: ${end} opens for everybody, so that it says nothing about the login. Take it out, or protect it.`,
      );
    }
    found.push(page, end);
  }
  return [...new Set(found)];
}

function isItself({ status, url }: Answer, page: string): boolean {
  return status < 300 && url.pathname === page.split('?', 1)[0];
}

function isOpen({ manifest: { login, challenge } }: Stage, { status, url }: Answer): boolean {
  return status < 300 && ![login.page, challenge.page].some((page) => page.split('?', 1)[0] === url.pathname);
}

/** Every page that the manifest has for people who are signed in, with its place there. */
function pagesOf({ manifest }: Stage): [place: string, page: string][] {
  const { signedIn, protected: more, setup, disable, backupCodes, password, challenge } = manifest;
  const pages: [string, string | undefined][] = [
    ['signedIn.path', signedIn.path],
    ...more.map((page, index): [string, string] => [`protected.${index}`, page]),
    ['setup.page', setup?.page],
    ['disable.page', disable?.page],
    ['backupCodes.page', backupCodes?.page],
    ['backupCodes.renew.page', backupCodes?.renew?.page],
    ['password.page', password?.page],
  ];
  const known = new Set<string | undefined>([undefined, challenge.page]);
  return pages.filter((entry): entry is [string, string] => {
    if (known.has(entry[1])) return false;
    known.add(entry[1]);
    return true;
  });
}

import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The rules whose answer depends on colours. */
const colours = ['color-contrast', 'link-in-text-block'];

declare global {
  interface Window {
    /** Of axe-core, once it was on the page. */
    axe: { run(options: object): Promise<AxeResults> };
  }
}
type AxeResults = Awaited<ReturnType<AxeBuilder['analyze']>>;

/** What axe-core finds on a page: a line for each element that breaks a rule. */
export async function findViolations(page: Page): Promise<string[]> {
  const axe = new AxeBuilder({ page })
    .options({ runOnly: standards, rules: { 'target-size': { enabled: true } }, resultTypes: ['violations'] })
    // One page without frames, so nothing needs to be put together in a second one.
    .setLegacyMode(true);
  return describeViolations(await axe.analyze());
}

/** The same of what may differ in other colours, after `findViolations`: bringing axe-core to a page again takes longest. */
export async function findColourViolations(page: Page): Promise<string[]> {
  const options = { runOnly: colours, resultTypes: ['violations'] };
  return describeViolations(await page.evaluate((given) => window.axe.run(given), options));
}

function describeViolations({ violations }: AxeResults): string[] {
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${html} ${failureSummary.replace(/\s+/g, ' ')}`),
  );
}

/** Collects what a browser complains of: errors of scripts, what the content security policy stopped, what did not load. */
export function collectComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // The status of a page that tells of an error is on purpose.
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const { url } = message.location();
    if (message.text().startsWith('Failed to load') && (url === page.url() || url.endsWith('/favicon.ico')))
      return;
    complaints.push(message.text());
  });
  return complaints;
}

/** Elements that reach beyond the window, so that one must scroll sideways (WCAG 1.4.10). */
export function findOverflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const wide = [...document.body.querySelectorAll('*')].filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      return (right > width + 0.5 || left < -0.5) && !element.closest('.sf-hidden, svg');
    });
    const isScrolling = document.documentElement.scrollWidth > width;
    return [...(isScrolling ? ['the page'] : []), ...wide.map((element) => element.outerHTML.slice(0, 120))];
  });
}

/** What can be pressed and is smaller than 24 by 24 pixels (WCAG 2.5.8); a link inside of a sentence may be. */
export function findSmallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('a[href], button, summary, input:not([type=hidden])')]
      .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        const isSentence = [...(element.parentElement?.childNodes ?? [])].some(
          (node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== '',
        );
        const isShown = element.checkVisibility();
        return isShown && (width < 24 || height < 24) && !(element.tagName === 'A' && isSentence);
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}

/** Runs `look` with the distances of WCAG 1.4.12 between letters, words, lines and paragraphs. */
export async function withTextSpacing<T>(page: Page, look: () => Promise<T>): Promise<T> {
  await setSpacing(page, true);
  const seen = await look();
  await setSpacing(page, false);
  return seen;
}

/** By hand, because the content security policy lets no style sheet in. */
function setSpacing(page: Page, isWide: boolean): Promise<void> {
  return page.evaluate((wide) => {
    const distances = { 'letter-spacing': '0.12em', 'word-spacing': '0.16em', 'line-height': '1.5' };
    for (const element of document.querySelectorAll<HTMLElement>('body, body *')) {
      const all = element.tagName === 'P' ? { ...distances, 'margin-bottom': '2em' } : distances;
      for (const [name, value] of Object.entries(all)) {
        if (wide) element.style.setProperty(name, value, 'important');
        else element.style.removeProperty(name);
      }
    }
  }, isWide);
}

/** Text that is cut off because its box hides what does not fit. */
export function findCutText(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((element) => {
        const { overflowX, overflowY } = getComputedStyle(element);
        const isCut =
          (overflowX !== 'visible' && element.scrollWidth > element.clientWidth) ||
          (overflowY !== 'visible' && element.scrollHeight > element.clientHeight);
        return isCut && !element.closest('.sf-hidden, svg, input');
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}

/** What every page has once, and where the keyboard stands on one that tells of an error. */
export function findFlaws(page: Page, language: string): Promise<string[]> {
  return page.evaluate(async (asked) => {
    // The browser moves the focus when it first draws the page.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const flaws: string[] = [];
    if (document.querySelectorAll('h1').length !== 1) flaws.push('There is not one heading.');
    if (!document.documentElement.lang.startsWith(asked)) flaws.push('The language is another one.');
    const summary = document.querySelector('.sf-summary');
    const hasPrefix = /^(Error|Kesalahan|خطأ): /.test(document.title);
    if (hasPrefix !== (summary !== null)) flaws.push(`The title is "${document.title}".`);
    if (summary && document.activeElement !== summary) flaws.push('The summary has no focus.');
    for (const link of document.querySelectorAll('a[href^="#"]')) {
      if (!document.querySelector(link.getAttribute('href') ?? ''))
        flaws.push(`${link.outerHTML} leads nowhere.`);
    }
    return flaws;
  }, language);
}

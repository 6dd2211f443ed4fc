import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { launchBrowser } from './browser.js';
import { createInstallation, type ExampleServer, type Installation, startExample } from './example-server.js';
import { administrators, gallery, type GalleryPage } from './gallery.js';
import {
  collectComplaints,
  findColourViolations,
  findCutText,
  findFlaws,
  findOverflow,
  findSmallTargets,
  findViolations,
  withTextSpacing,
} from './gallery-checks.js';
import { redisUrl } from './redis.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Where `npm run screenshots` wants pictures; nowhere in an ordinary run. */
const folder = process.env['SCREENSHOTS'];
const widths = [320, 1280];

/** Opens every page that there is in a language, and holds it to everything that a browser can check. */
export function checkPages(language: GalleryPage['languages'][number]): void {
  describe(`in "${language}"`, () => {
    let browser: Browser;
    let installation: Installation;
    let example: ExampleServer;
    // One for all of them: a fresh one costs more than the checks.
    let page: Page;
    let complaints: string[];
    beforeAll(async () => {
      browser = await launchBrowser();
      installation = createInstallation(redisUrl(), { ADMINISTRATORS: administrators.join(',') });
      example = await startExample(installation.environment);
      page = await browser.newPage({ locale: language });
      complaints = collectComplaints(page);
    });
    afterAll(async () => {
      await browser.close();
      await example.stop();
      installation.remove();
    });

    const pages = gallery.filter(({ languages }) => languages.includes(language));
    // The colours are the same in every language: once is enough where nobody looks.
    const schemes = language === 'en' || folder ? (['light', 'dark'] as const) : (['light'] as const);

    beforeEach(async () => {
      await page.context().clearCookies();
      await page.goto('about:blank');
      await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
      await page.setViewportSize({ width: 1280, height: 800 });
      complaints.length = 0;
    });

    it.each(pages)('the page $name can be read and used by everybody', async ({ name, isPrinted, open }) => {
      const problems: string[] = [];
      const note = (where: string, found: string[]): void => {
        problems.push(...found.map((what) => `${where}: ${what}`));
      };
      let pictures = 0;
      const takePicture = async (...parts: (string | number)[]): Promise<void> => {
        if (folder === undefined) return;
        await page.screenshot({
          path: join(folder, `${[name, language, ...parts].join('.')}.png`),
          fullPage: true,
        });
        pictures += 1;
      };

      await open(page, example.url);
      note('page', await findFlaws(page, language));
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme });
        const find = colorScheme === 'light' ? findViolations : findColourViolations;
        note(`axe, ${colorScheme}`, await find(page));
        for (const width of widths) {
          await page.setViewportSize({ width, height: 800 });
          await takePicture(colorScheme, width);
        }
      }
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        note(`overflow at ${width}`, await findOverflow(page));
        note(`small target at ${width}`, await findSmallTargets(page));
        const findSpaced = async () => [...(await findOverflow(page)), ...(await findCutText(page))];
        note(`text spacing at ${width}`, await withTextSpacing(page, findSpaced));
      }
      if (isPrinted) {
        await page.emulateMedia({ media: 'print', colorScheme: 'light' });
        await takePicture('print');
      }
      note('browser', complaints);
      if (folder !== undefined) {
        const violations = problems.filter((problem) => problem.startsWith('axe')).length;
        const row = { page: name, language, pictures, violations, problems: problems.length };
        appendFileSync(join(folder, 'report.jsonl'), `${JSON.stringify(row)}\n`);
      }
      expect(problems).toEqual([]);
    });
  });
}

import type { Page } from 'playwright-core';

/** Somebody in front of a browser, at the example. */
export class ExampleGuest {
  constructor(
    readonly page: Page,
    readonly url: string,
  ) {}

  async go(path: string): Promise<void> {
    await this.page.goto(this.url + path);
  }

  /** Fills a form of the page and sends it. */
  async send(fields: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) await this.page.fill(`[name="${name}"]`, value);
    await this.page.locator('form:has(.sf-field) button').first().click();
  }

  /** Registers, which signs in. */
  async register(username: string): Promise<void> {
    await this.go('/register');
    await this.send({ username, email: `${username}@service.example`, password: 'correct horse battery' });
  }
}

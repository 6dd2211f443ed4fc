import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { type TestFactor, totpCode } from 'passport-second-factor/testing';
import { onTestFinished } from 'vitest';
import type { SecondFactorEvent } from '../../src/events.js';
import { en } from '../../src/texts/en/en.js';
import { createHost, type Host, type HostParts, sendPassword, submit, wrongCodes } from './host.js';

/** Listens on a free port until the test is finished. @param makeApp is told where browsers find it. */
export async function serve(makeApp: (origin: string) => Promise<RequestListener>): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  server.on('request', await makeApp(origin));
  return origin;
}

/** A host of host.ts for browsers. */
export async function serveHost(parts: HostParts = {}): Promise<{ host: Host; origin: string }> {
  let host: Host | undefined;
  const origin = await serve(async (at) => {
    host = await createHost({ hasApi: false, ...parts, options: { ...parts.options, origin: at } });
    return host.app;
  });
  return { host: host!, origin };
}

/** Ada in front of a browser, at a host of her own. */
export class Guest {
  /** What she has, once `enrol` was called. */
  factor!: TestFactor;

  constructor(
    readonly page: Page,
    readonly host: Host,
    readonly origin: string,
    readonly user = 'ada',
  ) {}

  async enrol(): Promise<this> {
    this.factor = await this.host.enrol(this.user);
    return this;
  }

  /** To one of our pages. */
  async go(path: string): Promise<void> {
    await this.page.goto(`${this.origin}/two-factor${path}`);
  }

  /** Gives the password, without a page. */
  async signIn(): Promise<void> {
    const form = { username: this.user, password: this.host.users.get(this.user)!.password };
    await this.page.request.post(`${this.origin}/login`, { form, maxRedirects: 0 });
  }

  /** Fills the fields of the page and sends the form that they are in. */
  async send(fields: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) await this.page.fill(`[name="${name}"]`, value);
    await this.page.click(`form:has([name="${Object.keys(fields)[0] ?? ''}"]) button[type=submit]`);
  }

  /** Presses the button of the form that goes to this path. */
  async press(path: string): Promise<void> {
    await this.page.locator(`form[action="/two-factor${path}"] button`).first().click();
  }

  async answer(code: string): Promise<void> {
    await this.send({ code });
  }

  async answerWrong(times = 1): Promise<void> {
    for (const code of wrongCodes(this.factor, times)) await this.answer(code);
  }

  /** As other logins have left them. */
  setCounters(columns: Record<string, number>): void {
    const names = Object.keys(columns).map((name) => `${name} = ?`);
    this.host.database
      .prepare(`UPDATE two_factor_auth SET ${names.join(', ')} WHERE user_id = ?`)
      .run([...Object.values(columns), this.user]);
  }

  /** The code for the key that the set-up page shows. */
  async readFirstCode(): Promise<string> {
    return totpCode((await this.page.textContent('#setup-key')) ?? '', this.host.clock());
  }

  async enterFirstCode(fields: Record<string, string> = {}): Promise<void> {
    await this.send({ code: await this.readFirstCode(), ...fields });
  }

  async addAuthenticator(name: string): Promise<void> {
    await this.go('/setup');
    await this.enterFirstCode({ name });
  }

  async readAuthenticatorIds(): Promise<string[]> {
    await this.go('');
    const links = await this.page.locator('a[href$="/name"]').all();
    const targets = await Promise.all(links.map((link) => link.getAttribute('href')));
    return targets.map((target) => target?.split('/').at(-2) ?? '');
  }

  /** So many logins after each other, each with the next backup code. */
  async signInWithBackupCodes(count: number): Promise<void> {
    for (const code of this.factor.backupCodes.slice(0, count)) await this.#signInWith(code);
  }

  async signInWithSupportCode(): Promise<void> {
    const { service } = this.host.secondFactor;
    const given = await service.issueSupportCode(this.user, { reason: 'lost phone' });
    if (given.kind === 'issued') await this.#signInWith(given.code);
  }

  async #signInWith(code: string): Promise<void> {
    await this.page.context().clearCookies();
    await this.signIn();
    await this.go('/challenge');
    await this.answer(code);
  }

  /** Answers the challenge and has a browser trusted. @param name as it introduces itself. */
  async trustAnotherBrowser(name: string): Promise<void> {
    this.host.clock.advance(30_000);
    const agent = this.host.agent().set('User-Agent', name);
    await sendPassword(agent, this.user);
    await submit(agent, '/two-factor/challenge', { code: this.factor.code(), trust: 'on' });
  }

  /** One event of each kind, so many times. */
  async writeEvents(times: number): Promise<void> {
    const details = {
      factor: 'totp',
      authenticator: 'Work <b>phone</b>',
      browser: 'Firefox on Linux',
      left: 7,
    };
    const more = { actor: 'support', reason: 'owner' };
    const now = this.host.clock();
    const events = Object.keys(en.events.happened).flatMap((kind, index) =>
      Array.from({ length: times }, (_, count) => ({
        id: `${kind}-${count}`,
        userId: this.user,
        kind,
        at: now - (index * times + count) * 3_600_000,
        address: '2001:db8:1234:5678:9abc:def0:1234:5678',
        browser: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
        node: 'test',
        details: { ...details, ...more },
      })),
    );
    await this.host.options.storage.recordEvents(events as SecondFactorEvent[]);
  }
}

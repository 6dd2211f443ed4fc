import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecondFactorOptions } from 'passport-second-factor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API, createHost, readTables, setUpFactor, signInWhole } from '../helpers/host.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'views-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function writeView(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The challenge page of somebody whose password was right. */
async function showChallenge(options: Partial<SecondFactorOptions>, headers: Record<string, string> = {}) {
  const host = await createHost({ options });
  await host.enrol('ada');
  const agent = await host.signIn('ada');
  return agent.get('/two-factor/challenge').set(headers);
}

describe('the language of a page', () => {
  it.each([
    ['', 'en-GB', 'Enter your code'],
    ['id', 'id', 'Masukkan kode Anda'],
    ['id-ID,en;q=0.5', 'id', 'Masukkan kode Anda'],
    ['en;q=0.5,id;q=0.9', 'id', 'Masukkan kode Anda'],
    ['fr,ja', 'en-GB', 'Enter your code'],
    ['*', 'en-GB', 'Enter your code'],
    ['__proto__', 'en-GB', 'Enter your code'],
  ])('for a browser that asks for "%s" is %s', async (asked, locale, title) => {
    const { text, headers } = await showChallenge({}, { 'Accept-Language': asked });
    expect(text).toContain(`<html lang="${locale}" dir="ltr">`);
    expect(text).toContain(`<h1>${title}</h1>`);
    expect(headers['content-language']).toBe(locale);
  });

  it('is the host’s choice, where it makes one', async () => {
    const choose = (request: { get(name: string): string | undefined }) => request.get('X-Language');
    const options = { languages: { choose } };
    const chosen = await showChallenge(options, { 'Accept-Language': 'en', 'X-Language': 'id' });
    expect(chosen.text).toContain('<h1>Masukkan kode Anda</h1>');
    const left = await showChallenge(options, { 'Accept-Language': 'id' });
    expect(left.text).toContain('<h1>Masukkan kode Anda</h1>');
  });

  it('can be one that the host brings, written from right to left, in its words', async () => {
    const ar = { direction: 'rtl' as const, pages: { 'challenge/code': { title: () => 'أدخل الرمز' } } };
    const { text } = await showChallenge({ languages: { texts: { ar } } }, { 'Accept-Language': 'ar-EG' });
    expect(text).toContain('<html lang="ar" dir="rtl">');
    expect(text).toContain('<h1>أدخل الرمز</h1>');
  });

  it('is that of an answer of the JSON API too', async () => {
    const host = await createHost({});
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    const call = agent.post(`${API}/verify/me`).set('Sec-Fetch-Site', 'same-origin');
    const { body } = await call.set('Accept-Language', 'id').send({ code: 'abc' });
    expect(body).toMatchObject({
      code: 'code-malformed',
      title: expect.stringContaining('Masukkan 6 angka'),
    });
  });

  it('is that of a refusal', async () => {
    const host = await createHost({});
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    const { text, status } = await agent
      .post('/two-factor/challenge')
      .set('Accept-Language', 'id')
      .type('form')
      .send({ code: '123456' });
    expect([status, text]).toEqual([403, expect.stringContaining('Formulir ini sudah kedaluwarsa')]);
  });
});

describe('an authenticator that nobody has named', () => {
  it('is called what the language of the set-up calls one', async () => {
    const host = await createHost({ options: { languages: { choose: () => 'id' } } });
    const agent = await host.signIn('ada');
    await setUpFactor(host, agent);
    expect((await agent.get('/two-factor')).text).toContain('Aplikasi autentikator');
    expect(readTables(host)['two_factor_authenticators']).toMatchObject([{ name: 'Aplikasi autentikator' }]);
  });
});

describe('times', () => {
  it('are shown in the zone of the host, in the language of the page', async () => {
    const host = await createHost({ options: { languages: { timeZone: 'Asia/Jakarta' } } });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const { text } = await agent.get('/two-factor').set('Accept-Language', 'id');
    expect(text).toMatch(/<time datetime="[^"]+Z">\d+ \p{L}+ \d{4} pukul \d\d\.\d\d WIB<\/time>/u);
  });
});

describe('a view of the host’s', () => {
  it('can be a file, which finds our parts', async () => {
    const view = writeView(
      'code.ejs',
      `<h1>Mine: <%= title %></h1><form method="post" action="<%= base %>/challenge"><%- include('parts/token') %></form>`,
    );
    const { text } = await showChallenge({ pages: { views: { 'challenge/code': view } } });
    expect(text).toContain('<div class="second-factor"><h1>Mine: Enter your code</h1>');
    expect(text).toMatch(/<input type="hidden" name="second_factor_token" value="[\w-]{20,}">/);
    expect(text).toContain('/two-factor/style.css');
  });

  it('can be a function, which gets the words and the request', async () => {
    const { text } = await showChallenge({
      pages: {
        views: {
          'challenge/code': ({ words, minutes, purpose }, request) =>
            Promise.resolve(`<p>${purpose} ${request.path} ${words.limit(minutes)}</p>`),
        },
      },
    });
    expect(text).toContain(
      '<p>login /challenge One more step and you are signed in. You have 10 minutes.</p>',
    );
  });

  it('leaves the others as they are', async () => {
    const host = await createHost({ options: { pages: { views: { error: () => 'mine' } } } });
    const agent = await host.signIn('ada');
    expect((await agent.get('/two-factor')).text).toContain('<h1>Two-step sign-in</h1>');
    expect((await agent.get('/two-factor/resume/none')).text).toContain(
      '<div class="second-factor">mine</div>',
    );
  });

  it('can be the layout around all of them', async () => {
    const layout = ({ title, content, language }: { title: string; content: string; language: string }) =>
      `<html lang="${language}"><title>${title}</title><nav>Shop</nav>${content}</html>`;
    const { text } = await showChallenge({ pages: { views: { layout } } });
    expect(text).toMatch(
      /^<html lang="en-GB"><title>Enter your code<\/title><nav>Shop<\/nav><div class="second-factor">/,
    );
    expect(text).not.toContain('style.css');
  });

  it('that returns no text goes to the host’s error handler', async () => {
    const view = (() => undefined) as unknown as () => string;
    const { status, text } = await showChallenge({ pages: { views: { 'challenge/code': view } } });
    expect(status).toBe(500);
    expect(text).not.toContain('second_factor_token');
  });
});

describe('the look of the pages', () => {
  it('takes a stylesheet of the host’s, after ours', async () => {
    const { text } = await showChallenge({ pages: { stylesheet: '/brand.css' } });
    expect(text).toMatch(/two-factor\/style\.css">\s*<link rel="stylesheet" href="\/brand\.css">/);
  });

  it('is kept by a policy that names no other origin, which the host can widen', async () => {
    const ours = await showChallenge({});
    expect(ours.headers['content-security-policy']).toBe(
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    const contentSecurityPolicy = {
      'form-action': ['https://rp.example'],
      'font-src': ["'self'"],
      'default-src': ["'self'"],
    };
    const wider = await showChallenge({ pages: { contentSecurityPolicy } });
    expect(wider.headers['content-security-policy']).toBe(
      "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self' https://rp.example; frame-ancestors 'none'; base-uri 'none'; font-src 'self'",
    );
  });
});

describe('options that cannot be', () => {
  it.each<[Partial<SecondFactorOptions>, RegExp]>([
    [
      { pages: { stylesheet: 'https://cdn.example/brand.css' } },
      /pages\.stylesheet: must be a path on this origin/,
    ],
    [
      { pages: { stylesheet: '//cdn.example/brand.css' } },
      /pages\.stylesheet: must be a path on this origin/,
    ],
    [{ pages: { views: { 'challenge/kode': 'a.ejs' } as object } }, /pages\.views/],
    [
      { pages: { contentSecurityPolicy: { 'script-src': ["'self'; report-uri x"] } } },
      /must be one source, without spaces/,
    ],
    [{ languages: { timeZone: 'Mars/Olympus' } }, /languages\.timeZone: must be the IANA name/],
    [{ languages: { texts: { 'not a tag': {} } } }, /languages\.texts/],
    [
      { languages: { texts: { de: { pages: { kommon: {} } } as object } } },
      /languages\.texts\.de\.pages\.kommon: is no name of a text/,
    ],
    [
      { languages: { texts: { de: { pages: { common: { cancel: 5 } } } as object } } },
      /languages\.texts\.de\.pages\.common\.cancel: must be a string/,
    ],
    [
      { languages: { texts: { de: { pages: { 'challenge/code': { title: 'Code' } } } as object } } },
      /title: must be a function/,
    ],
  ])('stop the start: %j', async (options, sentence) => {
    await expect(createHost({ options })).rejects.toThrow(sentence);
  });

  it('a file that is not there, or is no EJS, stops the start', async () => {
    const missing = { 'challenge/code': join(folder, 'missing.ejs') };
    await expect(createHost({ options: { pages: { views: missing } } })).rejects.toThrow(
      /options\.pages\.views\["challenge\/code"\]: the file ".*missing\.ejs" cannot be read or is no EJS/,
    );
    const broken = { layout: writeView('broken.ejs', '<% if ( %>') };
    await expect(createHost({ options: { pages: { views: broken } } })).rejects.toThrow(/is no EJS/);
  });
});

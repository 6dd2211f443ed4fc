import type { Answer, Browser } from '../browser.js';
import type { Check } from '../check.js';
import { addQuery } from '../form.js';
import { type Fields, omit } from '../html.js';
import type { CodeForm } from '../manifest.js';
import type { Stage } from '../stage.js';
import { arrange, ensure } from '../verdict.js';

/** What is sent in place of a code: a form's body or JSON. Each has the right code inside, so that a lax parser lets it in. */
type Body = { form: [string, string][] } | { json: unknown };
type Hostile = [name: string, build: (field: string, code: string) => Body];

const text = (name: string, write: (code: string) => string): Hostile => [
  name,
  (field, code) => ({ form: [[field, write(code)]] }),
];
const json = (name: string, write: (code: string) => unknown): Hostile => [
  name,
  (field, code) => ({ json: { [field]: write(code) } }),
];
const shifted = (code: string, zero: number): string =>
  [...code].map((digit) => String.fromCodePoint(zero + Number(digit))).join('');

const hostileForms: Hostile[] = [
  text('nothing', () => ''),
  text('fullwidth digits', (code) => shifted(code, 0xff10)),
  text('Arabic digits', (code) => shifted(code, 0x660)),
  text('the code with letters behind it', (code) => `${code}abc`),
  text('the code as a decimal fraction', (code) => `${code}.0`),
  text('the code in hexadecimal', (code) => `0x${Number(code).toString(16)}`),
  text('the code with a zero byte', (code) => `${code}\0`),
  text('the code in 20,000 characters', (code) => code.padStart(20_000, '0')),
  text('two codes with a comma', (code) => `${code},${code}`),
  ['a list', (field, code) => ({ form: [[`${field}[]`, code]] })],
  [
    'the same field twice',
    (field, code) => ({
      form: [
        [field, code],
        [field, code],
      ],
    }),
  ],
  ['an object', (field, code) => ({ form: [[`${field}[a]`, code]] })],
  ['an operator of a query language', (field) => ({ form: [[`${field}[$ne]`, 'x']] })],
  ['a prototype', (field, code) => ({ form: [[`__proto__[${field}]`, code]] })],
  [
    'an object that claims to be a text',
    (field, code) => ({
      form: [
        [`${field}[toString]`, code],
        [`${field}[length]`, '6'],
      ],
    }),
  ],
];

export const hostileJson: Hostile[] = [
  json('a JSON number', (code) => Number(code)),
  json('a JSON list', (code) => [code]),
  json('a JSON object', (code) => ({ code, $gt: '' })),
  json('JSON true', () => true),
  json('JSON null', () => null),
  json('the code in 20,000 characters of JSON', (code) => code.padStart(20_000, '0')),
];

export const hostileCodes: Check[] = [
  {
    id: 'hostile-codes',
    kind: 'attack',
    rule: 'R11',
    title:
      'Lists, objects, numbers, foreign digits and over-long text in the code field: refused, and no server error',
    run: (stage) => refuseHostile(stage, stage.manifest.challenge, [...hostileForms, ...hostileJson]),
  },
  {
    id: 'code-in-address',
    kind: 'attack',
    rule: 'R11',
    title: 'A code in the address is not read, where it would stay in logs and histories',
    async run(stage) {
      const { challenge } = stage.manifest;
      const { person } = await stage.enrolled();
      const code = await stage.nextCode(person);
      let browser = await stage.pending(person);
      const query = (path: string): string => addQuery(path, challenge.field, code);
      await browser.get(query(challenge.page));
      await browser.get(query(challenge.path));
      ensure(!(await stage.isSignedIn(browser, person)), 'a GET with the code in the address signed in');
      await stage.submitCode(browser, { ...challenge, path: query(challenge.path) }, person, code, {
        fields: (fields) => omit(fields, challenge.field),
      });
      ensure(!(await stage.isSignedIn(browser, person)), 'a POST with the code in the address signed in');
      browser = await stage.stillPending(browser, person);
      await stage.answer(browser, person, code);
      arrange(
        await stage.isSignedIn(browser, person),
        'the same code in the form did not sign in afterwards: it may have been refused for another reason',
      );
      return 'not read';
    },
  },
];

/** Sends each of them in place of a code. @throws Verdict where one is accepted or ends in an error. */
export async function refuseHostile(
  stage: Stage,
  form: CodeForm,
  hostile: readonly Hostile[],
): Promise<string> {
  const { perLogin, perUser } = stage.manifest.limits;
  // Less than the account's limit for each user, so that every one of them is looked at.
  const size = Math.max(1, Math.min(4, perLogin - 1, perUser - 1));
  const groups: Hostile[][] = [];
  for (let at = 0; at < hostile.length; at += size) groups.push(hostile.slice(at, at + size));
  const faults = (await Promise.all(groups.map((group) => tryGroup(stage, form, group)))).flat();
  ensure(faults.length === 0, faults.join('; '));
  return `${hostile.length} ways of writing, all refused`;
}

async function tryGroup(stage: Stage, form: CodeForm, group: readonly Hostile[]): Promise<string[]> {
  const { person } = await stage.enrolled();
  const code = await stage.nextCode(person);
  const faults: string[] = [];
  let browser = await stage.pending(person);
  for (const [name, build] of group) {
    browser = await stage.stillPending(browser, person);
    const hidden = form.page === undefined ? {} : await browser.hidden(form.page, form.path);
    try {
      const { status } = await sendBody(browser, form.path, hidden, build(form.field, code));
      if (status >= 500) faults.push(`${name}: ${status}`);
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message : 'no answer'}`);
    }
    if (await stage.isSignedIn(browser, person)) {
      faults.push(`${name}: accepted`);
      return faults;
    }
  }
  if (faults.length > 0) return faults;
  // Else they were perhaps refused for their number alone.
  browser = await stage.stillPending(browser, person);
  const { status } = await stage.submitCode(browser, form, person, await stage.nextCode(person));
  arrange(
    await stage.isSignedIn(browser, person),
    `limits: after ${group.length} refused answers the right code was answered with ${status}. Correct \`limits\`.`,
  );
  return faults;
}

function sendBody(browser: Browser, path: string, hidden: Fields, body: Body): Promise<Answer> {
  if ('json' in body) return browser.postJson(path, { ...hidden, ...(body.json as object) });
  return browser.send(path, {
    method: 'POST',
    body: new URLSearchParams([...Object.entries(hidden), ...body.form]).toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  });
}

import type { Check } from '../check.js';
import type { Control } from '../controls.js';
import type { Twist } from '../form.js';
import { type Fields, omit } from '../html.js';
import type { Stage } from '../stage.js';
import { ensure, skip } from '../verdict.js';

/** A form that an attacker would like to have sent by somebody else's browser. */
interface Target {
  name: Control & ('challenge' | 'setup' | 'disable');
  /** Sends it once for each twist. @returns the answers' statuses, and whether one of them did what the attacker wants. */
  attempt: (stage: Stage, twists: Twist[]) => Promise<{ statuses: number[]; isDone: boolean }>;
}

const ATTACKER = 'https://attacker.example';
const foreign = { 'Sec-Fetch-Site': 'cross-site', Origin: ATTACKER, Referer: `${ATTACKER}/` };

const targets: Target[] = [
  {
    name: 'challenge',
    async attempt(stage, twists) {
      const { person } = await stage.enrolled();
      const browser = await stage.pending(person);
      const code = await stage.nextCode(person);
      const statuses = await each(twists, (twist) => stage.answer(browser, person, code, twist));
      return { statuses, isDone: await stage.isSignedIn(browser, person) };
    },
  },
  {
    name: 'setup',
    async attempt(stage, twists) {
      const { person, browser } = await stage.newcomer();
      const { page, secret } = await stage.openSetup(browser, person);
      person.secret = secret;
      const code = await stage.nextCode(person);
      const statuses = await each(twists, (twist) => stage.confirmSetup(browser, person, page, code, twist));
      return { statuses, isDone: !(await stage.isLetInByPassword(person)) };
    },
  },
  {
    name: 'disable',
    async attempt(stage, twists) {
      const { person, browser } = await stage.enrolled();
      const code = await stage.nextCode(person);
      const statuses = await each(
        twists,
        async (twist) => (await stage.attempt(browser, person, 'disable', code, twist)).answer,
      );
      return { statuses, isDone: await stage.isLetInByPassword(person) };
    },
  },
];

export const forgery: Check[] = targets.flatMap(({ name, attempt }) => [
  {
    id: `forged-${name}`,
    kind: 'attack',
    rule: 'R11',
    title: `Another site cannot make a browser send the form of \`${name}\``,
    needs: [name],
    controls: [name],
    async run(stage) {
      const { statuses, isDone } = await attempt(stage, [
        { fields: withoutHidden, headers: { ...foreign, ...csrfHeader(stage, '') } },
      ]);
      ensure(!isDone, 'a form from another site, without any token, did its work');
      return `refused with ${statuses.join(', ')}`;
    },
  },
  {
    id: `token-${name}`,
    kind: 'attack',
    rule: 'R11',
    title: `The form of \`${name}\` is refused without its token and with a wrong one`,
    needs: [name],
    controls: [name],
    async run(stage) {
      const tokens: string[] = [];
      const garble = (fields: Fields, hidden: Fields): Fields => {
        tokens.push(...Object.values(hidden).filter((value) => value.length >= 16));
        const wrong = Object.entries(hidden).map(
          ([key, value]) => [key, value === '' ? '' : 'A'.repeat(value.length)] as const,
        );
        return { ...fields, ...Object.fromEntries(wrong) };
      };
      const { statuses, isDone } = await attempt(stage, [
        { fields: garble, headers: csrfHeader(stage, 'A'.repeat(32)) },
        { fields: withoutHidden, headers: csrfHeader(stage, '') },
      ]);
      if (tokens.length === 0 && !stage.manifest.csrf)
        skip(`the form has no token; what holds instead is looked at by forged-${name}`);
      ensure(!isDone, 'it did its work without its token, or with a wrong one');
      return `refused with ${statuses.join(', ')}`;
    },
  },
  {
    id: `cross-site-${name}`,
    kind: 'attack',
    rule: 'R11',
    title: `The form of \`${name}\` is refused from another site even with the right token`,
    needs: [name],
    controls: [name],
    async run(stage) {
      const old = { 'Sec-Fetch-Site': '', 'Sec-Fetch-Mode': '', 'Sec-Fetch-Dest': '', Origin: ATTACKER };
      const { statuses, isDone } = await attempt(stage, [{ headers: foreign }, { headers: old }]);
      ensure(!isDone, 'a wrong Sec-Fetch-Site or Origin was not looked at');
      return `refused with ${statuses.join(', ')}`;
    },
  },
]);

/** The token's header with another value; '' leaves it out, as another site must. */
function csrfHeader({ manifest: { csrf } }: Stage, value: string): Fields {
  return csrf ? { [csrf.header]: value } : {};
}

function withoutHidden(fields: Fields, hidden: Fields): Fields {
  return omit(fields, ...Object.keys(hidden));
}

async function each(twists: Twist[], send: (twist: Twist) => Promise<{ status: number }>): Promise<number[]> {
  const statuses: number[] = [];
  for (const twist of twists) statuses.push((await send(twist)).status);
  return statuses;
}

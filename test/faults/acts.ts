import { totpCode } from 'passport-second-factor/testing';
import { Visitor } from '../helpers/visitor.js';
import type { Nodes } from '../nodes/nodes.js';

/** What somebody has lost, or got twice, or should not have got: in words. */
export interface Damage {
  letIn: string[];
  acceptedTwice: string[];
  lost: string[];
}

/** Who acts at node 0, which may die at any moment, and what this person has seen of it. */
export interface Actor {
  id: string;
  visitor: Visitor;
  /** Of the authenticator, in base32; empty until there is one. */
  key: string;
  /** Backup codes that were there before, and those that were shown since. */
  codes: string[];
  newCodes: string[];
  /** Whether a code was sent, and whether the answer to the last step came back. */
  hasAnswered: boolean;
  isDone: boolean;
}

/** Something that a person does in several steps. */
export interface Act {
  name: string;
  /** Before the node is armed. */
  prepare(actor: Actor): Promise<void>;
  perform(actor: Actor): Promise<void>;
  /** At node 1, which has gone on all the time. */
  check(actor: Actor): Promise<Partial<Damage>>;
}

const WHOAMI = '/whoami';
const CHALLENGE = '/two-factor/challenge';
const CODES = '/two-factor/backup-codes';
const DISABLE = '/two-factor/disable';
/** A code of later steps each time, since each step is accepted once. */
const LATER = 90_000;

export function createActs(nodes: Nodes): Act[] {
  const clock = (): number => Date.now() + nodes.ahead;
  const advance = (): void => {
    nodes.advance(LATER);
  };
  const codeOf = (key: string): string => totpCode(key, clock());

  async function enrol(actor: Actor): Promise<void> {
    const { key, backupCodes } = await nodes.enrol(actor.id);
    Object.assign(actor, { key, codes: backupCodes });
  }

  const givePassword = (visitor: Visitor, id: string) =>
    visitor.post('/login', { username: id, password: `${id}-password` });

  const isIn = async (visitor: Visitor, id: string, node = 0): Promise<boolean> =>
    (await visitor.get(WHOAMI, node)).text === id;

  /** Whether somebody else with the password, and perhaps a code, gets in at node 1. */
  async function enters({ id }: Actor, code?: string): Promise<boolean> {
    const visitor = new Visitor([nodes.urls[1] ?? '']);
    const { location } = await givePassword(visitor, id);
    if (location === CHALLENGE && code !== undefined) await visitor.submit(CHALLENGE, { code });
    return isIn(visitor, id);
  }

  async function signIn(actor: Actor): Promise<void> {
    advance();
    await givePassword(actor.visitor, actor.id);
    await actor.visitor.submit(CHALLENGE, { code: codeOf(actor.key) });
  }

  /** What of a second factor that is on does not work. */
  async function findLost(actor: Actor, codes: readonly string[]): Promise<string[]> {
    const lost: string[] = [];
    advance();
    if (!(await enters(actor, codeOf(actor.key)))) lost.push('the authenticator does not work');
    if (codes[0] !== undefined && !(await enters(actor, codes[0]))) lost.push('a backup code does not work');
    return lost;
  }

  return [
    {
      name: 'a login',
      async prepare(actor) {
        await enrol(actor);
        advance();
      },
      async perform(actor) {
        const code = codeOf(actor.key);
        await givePassword(actor.visitor, actor.id);
        const hidden = await actor.visitor.hidden(CHALLENGE);
        actor.hasAnswered = true;
        const { status } = await actor.visitor.post(CHALLENGE, { ...hidden, code });
        actor.isDone = status === 303;
      },
      async check(actor) {
        const isAccepted = await isIn(actor.visitor, actor.id, 1);
        const isAcceptedAgain = await enters(actor, codeOf(actor.key));
        return {
          letIn: isAccepted && !actor.hasAnswered ? ['without a code'] : [],
          acceptedTwice: isAccepted && isAcceptedAgain ? ['the code'] : [],
          lost: [
            ...(actor.isDone && !isAccepted ? ['the login'] : []),
            ...(await findLost(actor, actor.codes)),
          ],
        };
      },
    },
    {
      name: 'an enrolment',
      async prepare(actor) {
        await givePassword(actor.visitor, actor.id);
      },
      async perform(actor) {
        const page = await actor.visitor.get('/two-factor/setup');
        actor.key = (/id="setup-key">([^<]+)</.exec(page.text)?.[1] ?? '').replaceAll(' ', '');
        const hidden = await actor.visitor.hidden('/two-factor/setup');
        const { location } = await actor.visitor.post('/two-factor/setup', {
          ...hidden,
          code: codeOf(actor.key),
        });
        actor.hasAnswered = location === CODES;
        actor.newCodes = await actor.visitor.readBackupCodes();
        await actor.visitor.submit(`${CODES}/saved`, {}, CODES);
        actor.isDone = true;
      },
      async check(actor) {
        if (!(await enters(actor))) return { lost: await findLost(actor, actor.newCodes) };
        return { lost: actor.hasAnswered ? ['the second factor that was turned on'] : [] };
      },
    },
    {
      name: 'turning off',
      async prepare(actor) {
        await enrol(actor);
        await signIn(actor);
      },
      async perform(actor) {
        const hidden = await actor.visitor.hidden(DISABLE);
        const { status } = await actor.visitor.post(DISABLE, { ...hidden, code: actor.codes[0] ?? '' });
        actor.isDone = status === 303;
      },
      async check(actor) {
        if (await enters(actor)) return {};
        const lost = await findLost(actor, actor.codes);
        return { lost: actor.isDone ? ['that it was turned off', ...lost] : lost };
      },
    },
    {
      name: 'new backup codes',
      async prepare(actor) {
        await enrol(actor);
        await signIn(actor);
      },
      async perform(actor) {
        await actor.visitor.submit(CODES, {});
        actor.newCodes = await actor.visitor.readBackupCodes();
        await actor.visitor.submit(`${CODES}/saved`, {}, CODES);
        actor.isDone = true;
      },
      async check(actor) {
        const [old = '', fresh = ''] = [actor.codes[0], actor.newCodes[0]];
        const [worksOld, worksFresh] = [
          await enters(actor, old),
          fresh !== '' && (await enters(actor, fresh)),
        ];
        return {
          acceptedTwice: worksOld && worksFresh ? ['codes of both sets'] : [],
          lost: [
            ...(worksOld || worksFresh ? [] : ['both sets of backup codes']),
            ...(actor.isDone && !worksFresh ? ['the set that was saved'] : []),
            ...(await findLost(actor, [])),
          ],
        };
      },
    },
    {
      name: 'a rotation of the keys',
      prepare: enrol,
      async perform(actor) {
        actor.isDone = (await actor.visitor.post('/reseal', {})).status === 200;
      },
      async check(actor) {
        const lost = await findLost(actor, actor.codes.slice(0, 1));
        const again = await new Visitor([nodes.urls[1] ?? '']).post('/reseal', {});
        const lostSince = await findLost(actor, actor.codes.slice(1, 2));
        return { lost: [...lost, ...lostSince, ...(again.status === 200 ? [] : ['the rotation'])] };
      },
    },
  ];
}

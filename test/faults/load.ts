import { setTimeout as wait } from 'node:timers/promises';
import { type Answered, Visitor } from '../helpers/visitor.js';
import type { Enrolled, Nodes } from '../nodes/nodes.js';

const CHALLENGE = '/two-factor/challenge';

/** Milliseconds between two visits: eight codes each must last longer than any recovery. */
const PAUSE = 3_500;

/** Somebody who signs in again and again, with one backup code each time. */
interface Person extends Enrolled {
  id: string;
  /** Codes of which an answer said that they were accepted, and those of which no answer said anything. */
  accepted: string[];
  unknown: string[];
}

/** What was seen by people who went on while something failed. */
export interface Load {
  requests: number;
  refused: number;
  /** In words. */
  letIn: string[];
  unexpected: string[];
  /** The longest answer in milliseconds. */
  slowest: number;
  /** When each node last completed a login, as `performance.now()`. */
  lastLogin: number[];
  /** Lets everybody come to an end. */
  stop(): Promise<void>;
  /** At a node, when all is well again: what was accepted once is not accepted again, and everybody gets in. */
  audit(): Promise<{ acceptedTwice: string[]; lost: string[] }>;
}

/** Lets people sign in at all nodes, over and over, each request at the next node. */
export async function startLoad(nodes: Nodes, count: number): Promise<Load> {
  const people: Person[] = [];
  for (let number = 0; number < count; number++) {
    const id = `person-${String(number)}`;
    people.push({ id, ...(await nodes.enrol(id)), accepted: [], unknown: [] });
  }
  let isOver = false as boolean;
  const load: Load = {
    ...{ requests: 0, refused: 0, letIn: [], unexpected: [], slowest: 0 },
    lastLogin: nodes.urls.map(() => 0),
    async stop() {
      isOver = true;
      await lives;
    },
    audit,
  };

  const watch = (method: string, path: string, answered: Answered, time: number): void => {
    load.requests += 1;
    load.slowest = Math.max(load.slowest, time);
    if (answered.status === 503) load.refused += 1;
    else if (answered.status >= 500) load.unexpected.push(`${method} ${path}: ${String(answered.status)}`);
  };

  async function visit(person: Person, node: number): Promise<void> {
    const visitor = new Visitor(nodes.urls, { watch });
    const other = node + 1;
    const password = { username: person.id, password: `${person.id}-password` };
    if ((await visitor.post('/login', password, node)).location !== CHALLENGE) return;
    const whoIs = async (at: number): Promise<string> => (await visitor.get('/whoami', at)).text;
    if ((await whoIs(other)) === person.id) load.letIn.push(`${person.id}: by the password`);
    // The session was lost, or cannot be read: no form.
    const hidden = await visitor.hidden(CHALLENGE).catch(() => undefined);
    if (!hidden) return;
    const code = person.backupCodes.shift() ?? '';
    const { status } = await visitor.post(CHALLENGE, { ...hidden, code }, node);
    (status === 303 ? person.accepted : person.unknown).push(code);
    if (status !== 303) return;
    load.lastLogin[node] = performance.now();
    for (let looks = 0; looks < 4; looks++) {
      await wait(50);
      await whoIs(looks);
    }
  }

  const lives = Promise.all(
    people.map(async (person, number) => {
      await wait(Math.random() * PAUSE);
      // Two are kept for the audit.
      for (let turn = number; !isOver && person.backupCodes.length > 2; turn++) {
        await visit(person, turn % nodes.urls.length);
        await wait(PAUSE);
      }
    }),
  );

  async function enters({ id }: Person, code: string): Promise<boolean> {
    const visitor = new Visitor(nodes.urls);
    await visitor.post('/login', { username: id, password: `${id}-password` });
    await visitor.submit(CHALLENGE, { code });
    return (await visitor.get('/whoami', 1)).text === id;
  }

  async function audit(): Promise<{ acceptedTwice: string[]; lost: string[] }> {
    const [acceptedTwice, lost]: string[][] = [[], []];
    nodes.advance(90_000);
    for (const person of people) {
      for (const code of person.accepted.slice(-2))
        if (await enters(person, code)) acceptedTwice?.push(`${person.id}: a backup code`);
      if (!(await enters(person, person.code()))) lost?.push(`${person.id}: the authenticator`);
      if (!(await enters(person, person.backupCodes[0] ?? ''))) lost?.push(`${person.id}: a backup code`);
      for (const code of person.unknown) {
        // Used up or not, but once at most.
        if ((await enters(person, code)) && (await enters(person, code)))
          acceptedTwice?.push(`${person.id}: a code without an answer`);
      }
    }
    return { acceptedTwice: acceptedTwice ?? [], lost: lost ?? [] };
  }

  return load;
}

/** An installation that is too large for one machine to be. */
export interface Installation {
  /** Databases, each with so many cores for statements; a user's rows are in one of them. */
  shards: number;
  cores: number;
  nodes: number;
  /** Connections of a node to each shard. */
  pool: number;
  loginsPerSecond: number;
  /** Seconds that are simulated. */
  seconds: number;
  /** Core milliseconds of one statement. */
  statement: number;
  /** A shard that answers nothing from a third of the time on. */
  lost?: number;
}

export interface Outcome {
  /** Milliseconds that the database part of an answer took: counted, read, accepted. */
  answers: number[];
  /** Logins that were refused because the database did not answer in time, and all. */
  refused: number;
  logins: number;
  /** Refused logins of users whose shard was there. */
  refusedElsewhere: number;
  /** Share of the time of all cores. */
  load: number;
  /** The most connections that one node had in use to one shard. */
  connections: number;
}

/** Statements of each call of storage that a login makes, with those that begin, limit and end transactions. */
const calls = { hold: 2, page: 1, count: 5, read: 1, accept: 8 };
const order = Object.values(calls);
/** The call with which the answer begins, after a person has typed. */
const ANSWER = 2;
const TYPING = 8_000;
/** Milliseconds after which storage gives up (R1). */
const PATIENCE = 1_500;

interface Login {
  shard: number;
  node: number;
  call: number;
  askedAt: number;
  answeredAt: number;
}

/** Draws of a normal course of events: the same seed gives the same numbers. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * People who arrive at random, each with rows in one shard, served by any node. A call waits for a connection of its node, then for a core of
 * its shard; how long it takes there is exponential. What is in nobody's way is not simulated: Redis, the network, the nodes' CPU.
 */
export function simulate(installation: Installation): Outcome {
  const { shards, cores, nodes, pool, loginsPerSecond, seconds, statement, lost } = installation;
  const random = createRandom(1);
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean;
  const events = createQueue();
  const free = Array.from({ length: shards }, () => cores);
  const forCores: Login[][] = Array.from({ length: shards }, () => []);
  const used = Array.from({ length: nodes * shards }, () => 0);
  const forConnections: Login[][] = Array.from({ length: nodes * shards }, () => []);
  const outcome: Outcome = {
    answers: [],
    refused: 0,
    logins: 0,
    refusedElsewhere: 0,
    load: 0,
    connections: 0,
  };
  const end = seconds * 1_000;
  let [now, busy] = [0, 0];
  const isLost = (login: Login): boolean => login.shard === lost && now > end / 3;

  function ask(login: Login): void {
    login.askedAt = now;
    const at = login.node * shards + login.shard;
    if ((used[at] ?? 0) < pool) connect(login, at);
    else forConnections[at]?.push(login);
  }

  function connect(login: Login, at: number): void {
    used[at] = (used[at] ?? 0) + 1;
    outcome.connections = Math.max(outcome.connections, used[at]);
    if (isLost(login)) events.add(login.askedAt + PATIENCE, () => done(login, true));
    else if ((free[login.shard] ?? 0) > 0) serve(login);
    else forCores[login.shard]?.push(login);
  }

  function serve(login: Login): void {
    free[login.shard] = (free[login.shard] ?? 0) - 1;
    const time = exponential((order[login.call] ?? 0) * statement);
    busy += time;
    events.add(now + time, () => {
      free[login.shard] = (free[login.shard] ?? 0) + 1;
      const next = forCores[login.shard]?.shift();
      if (next) serve(next);
      done(login, now - login.askedAt > PATIENCE);
    });
  }

  function done(login: Login, isLate: boolean): void {
    const at = login.node * shards + login.shard;
    used[at] = (used[at] ?? 0) - 1;
    const next = forConnections[at]?.shift();
    if (next) connect(next, at);
    if (isLate) {
      outcome.refused += 1;
      if (login.shard !== lost) outcome.refusedElsewhere += 1;
      return;
    }
    login.call += 1;
    if (login.call === order.length) outcome.answers.push(now - login.answeredAt);
    else if (login.call === ANSWER) events.add(now + exponential(TYPING), () => answer(login));
    else ask(login);
  }

  function answer(login: Login): void {
    login.answeredAt = now;
    // Any node.
    login.node = Math.floor(random() * nodes);
    ask(login);
  }

  function arrive(): void {
    outcome.logins += 1;
    const [shard, node] = [shards, nodes].map((count) => Math.floor(random() * count)) as [number, number];
    ask({ shard, node, call: 0, askedAt: 0, answeredAt: 0 });
    const next = now + exponential(1_000 / loginsPerSecond);
    if (next < end) events.add(next, arrive);
  }

  events.add(0, arrive);
  for (let event = events.next(); event; event = events.next()) {
    now = event.at;
    event.happen();
  }
  outcome.load = busy / (shards * cores * end);
  return outcome;
}

interface Event {
  at: number;
  happen: () => void;
}

/** A heap: the earliest event comes first. */
function createQueue(): { add(at: number, happen: () => void): void; next(): Event | undefined } {
  const heap: Event[] = [];
  const isEarlier = (a: number, b: number): boolean => (heap[a]?.at ?? Infinity) < (heap[b]?.at ?? Infinity);
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b], heap[a]] as [Event, Event];
  };
  return {
    add(at, happen) {
      heap.push({ at, happen });
      for (let child = heap.length - 1; child > 0;) {
        const parent = (child - 1) >> 1;
        if (!isEarlier(child, parent)) break;
        swap(child, parent);
        child = parent;
      }
    },
    next() {
      const [first] = heap;
      const last = heap.pop();
      if (!last || heap.length === 0) return first;
      heap[0] = last;
      for (let parent = 0; ;) {
        const [left, right] = [2 * parent + 1, 2 * parent + 2];
        const earliest = isEarlier(right, left) ? right : left;
        if (!isEarlier(earliest, parent)) break;
        swap(earliest, parent);
        parent = earliest;
      }
      return first;
    },
  };
}

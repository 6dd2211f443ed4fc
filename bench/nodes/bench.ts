import { draw } from '../counting.js';
import type { Effort, Table } from '../main.js';
import { medianOf, runRounds, type Sample } from '../rounds.js';
import { type Contender, withStage } from '../stage.js';

/** An application as so many processes on one Redis and one database. */
interface Entry extends Contender {
  urls: string[];
}

const CONNECTIONS = 32;
const WARM_UP = 64;

/** What a second process brings, without the second factor and with it (goal E). */
export function benchNodes({ rounds, requests }: Effort): Promise<Table[]> {
  return withStage(async (stage) => {
    async function measure({ urls, cookie, person }: Entry): Promise<Sample> {
      const run = { urls, cookie, person, connections: CONNECTIONS };
      await stage.send({ ...run, requests: WARM_UP });
      return { time: await stage.send({ ...run, requests }), cpu: 0 };
    }

    async function enter(contender: Contender): Promise<[Entry, Entry]> {
      const { url } = contender;
      const another = await stage.startAnother(contender);
      return [
        { ...contender, urls: [url] },
        { ...contender, urls: [url, another.url] },
      ];
    }

    const pairs = [
      await enter(await stage.start('base', 'base', 'PostgreSQL')),
      await enter(await stage.start('this package', 'ours', 'PostgreSQL', 'cached epochs')),
    ];
    const samples = await runRounds(pairs.flat(), rounds, measure);
    const timesOf = (entry: Entry): number[] => (samples.get(entry) ?? []).map(({ time }) => time);
    // How many times as many requests two processes answer, round by round.
    const gains = pairs.map(([one, two]) =>
      timesOf(one).map((time, round) => time / (timesOf(two)[round] ?? NaN)),
    );
    const rows = pairs.map(([one, two], index) => ({
      contender: one.name,
      'requests/s, 1 process': Math.round(1_000_000 / medianOf(timesOf(one)).median).toString(),
      'requests/s, 2 processes': Math.round(1_000_000 / medianOf(timesOf(two)).median).toString(),
      'gain [95 %]': draw(medianOf(gains[index] ?? [])),
    }));
    const ratio = medianOf((gains[1] ?? []).map((gain, round) => gain / (gains[0]?.[round] ?? NaN)));
    rows.push({
      contender: 'gain to gain of the base',
      'requests/s, 1 process': '',
      'requests/s, 2 processes': '',
      'gain [95 %]': draw(ratio),
    });
    return [{ title: 'A second process: a protected page, epochs cached, PostgreSQL', rows }];
  });
}

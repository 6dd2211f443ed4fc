/** What one contender needed in one round, for one request. */
export interface Sample {
  /** Microseconds until the answers were there, by request, over all connections. */
  time: number;
  /** Microseconds of CPU in the server's process. */
  cpu: number;
}

/**
 * Every contender once in each round, so that all are equally warm; who begins moves on with the rounds, so that nobody always follows
 * the same one, and whatever the machine does meanwhile meets all.
 * @returns the samples of each, by round.
 */
export async function runRounds<C, S>(
  contenders: readonly C[],
  rounds: number,
  measure: (contender: C) => Promise<S>,
): Promise<Map<C, S[]>> {
  const samples = new Map(contenders.map((contender): [C, S[]] => [contender, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = Math.floor(round / 2) % contenders.length;
    const order = [...contenders.slice(first), ...contenders.slice(0, first)];
    for (const contender of round % 2 === 0 ? order : order.reverse())
      samples.get(contender)?.push(await measure(contender));
  }
  return samples;
}

export interface Interval {
  median: number;
  low: number;
  high: number;
}

/** The median and its 95 % interval by order statistics: no shape is assumed, and outliers of a busy machine do not move it. */
export function medianOf(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (rank: number): number => sorted[Math.min(Math.max(rank, 0), sorted.length - 1)] ?? NaN;
  const half = (sorted.length - 1) / 2;
  const reach = 0.98 * Math.sqrt(sorted.length);
  return {
    median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2,
    low: at(Math.floor(half - reach)),
    high: at(Math.ceil(half + reach)),
  };
}

/** How many times as much a contender needs as the base, round by round. */
export function ratioOf<What extends string>(
  own: readonly Record<What, number>[],
  base: readonly Record<What, number>[],
  what: What,
): Interval {
  return medianOf(own.map((sample, round) => sample[what] / (base[round]?.[what] ?? NaN)));
}

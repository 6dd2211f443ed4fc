/** Milliseconds since the Unix epoch. Everything that depends on time takes one of these. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const units = { s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/** Milliseconds of `30s`, `5m`, `12h` or `1d`; `undefined` where it is no such text. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^([1-9][0-9]{0,4})([smhd])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * units[unit as keyof typeof units];
}

/** Milliseconds a store or a function of the host may be silent: whoever waits is answered within two seconds. */
const PATIENCE = 1_500;

/** Rejects where no answer comes in time. What was asked for may still happen: an unknown outcome is a refusal (R1). */
export async function withPatience<T>(
  work: Promise<T>,
  patience = PATIENCE,
  makeError: (patience: number) => Error = makeSilenceError,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(makeError(patience));
    }, patience);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function makeSilenceError(patience: number): Error {
  const message = `There was no answer within ${String(patience / SECOND)} s.`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

/** A clock that stands still until it is told to move; pass it as `clock`. */
export interface TestClock {
  /** Milliseconds since the Unix epoch. */
  (): number;
  /** Moves by milliseconds; negative ones go back. */
  advance(milliseconds: number): void;
}

/** Makes a clock for `options.clock`. @param start milliseconds since the Unix epoch. Default the beginning of a 30-second step in 2026. */
export function createTestClock(start: number = Date.UTC(2026, 0, 1)): TestClock {
  let now = start;
  return Object.assign(() => now, {
    advance(milliseconds: number) {
      now += milliseconds;
    },
  });
}

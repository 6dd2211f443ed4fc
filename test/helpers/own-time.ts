import { afterEach, beforeEach, vi } from 'vitest';

/** Milliseconds between two looks at the clock, and the most of them that count. */
const [PAUSE, MOST] = [5, 50];

/**
 * Begins to count the milliseconds of this process: those in which a busy machine did not let it run are left out. For promises
 * about our own patience, whose timers are as late then as the rest of the process. Never more than the clock on the wall says.
 * @returns how many they are, and ends the counting.
 */
export function startOwnTime(): () => number {
  let time = 0;
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    time += Math.min(now - last, MOST);
    last = now;
  };
  const timer = setInterval(look, PAUSE);
  return () => {
    clearInterval(timer);
    look();
    return time;
  };
}

/** In the tests beside it our patience does not end: what is asked may be on a busy machine and take longer. */
export function waitEndlessly(): void {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }));
  afterEach(() => void vi.useRealTimers());
}

import { DAY } from '../clock.js';
import type { PolicyOptions } from '../options.js';

/** Until when somebody has time who is first asked for a second factor at this moment. */
export function findDeadline({ grace }: PolicyOptions, now: number): number {
  if (!grace) return now;
  return 'until' in grace ? grace.until.getTime() : now + grace.days * DAY;
}

/** The day a deadline is on still counts. */
export function countDaysLeft(enrolBy: number, now: number): number {
  return Math.ceil((enrolBy - now) / DAY);
}

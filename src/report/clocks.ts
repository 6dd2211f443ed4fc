import { SECOND } from '../clock.js';
import type { ClockDifference } from './problems.js';
import type { Finding, Row } from './report.js';

/** A third of a time step: codes are still found in the window, and hardly any clock that is kept is off by that much. */
const tolerance = 10 * SECOND;

/** Milliseconds by which each clock is ahead of this process, `undefined` where there is none to ask. */
export type Clocks = Record<ClockDifference['clock'], number | undefined>;

export function compareClocks(clocks: Clocks): Finding {
  const off: ClockDifference[] = [];
  const rows = Object.entries(clocks).map(([name, ahead]): Row => {
    const clock = name as ClockDifference['clock'];
    if (ahead === undefined)
      return { name: `clock-${clock}`, value: { word: 'not-looked-at' }, state: 'unknown' };
    const isOff = Math.abs(ahead) > tolerance;
    if (isOff) off.push({ clock, ahead: Math.round(ahead / SECOND) });
    return {
      name: `clock-${clock}`,
      value: `${ahead < 0 ? '-' : '+'}${(Math.abs(ahead) / SECOND).toFixed(1)} s`,
      expected: `± ${tolerance / SECOND} s`,
      state: isOff ? 'problem' : 'ok',
    };
  });
  return {
    rows,
    problems: off.length === 0 ? [] : [{ code: 'clock-off', details: { differences: off } }],
  };
}

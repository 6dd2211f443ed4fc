import { describe, expect, it } from 'vitest';
import { followProgress } from '../../src/cli/progress.js';

function write(isTTY: boolean, steps: readonly [done: number, total: number][]): string {
  let written = '';
  const { show, end } = followProgress({ isTTY, write: (text) => (written += text) });
  for (const [done, total] of steps) show(done, total);
  end();
  return written;
}

describe('followProgress', () => {
  it('draws a bar in place on a terminal', () => {
    expect(
      write(true, [
        [15, 60],
        [60, 60],
      ]),
    ).toBe(
      '\r[#######.......................] 25 %, 15 of 60\r[##############################] 100 %, 60 of 60\n',
    );
  });

  it('writes a line for each tenth elsewhere', () => {
    const steps = Array.from({ length: 200 }, (_, index): [number, number] => [index + 1, 200]);
    const lines = write(false, steps).split('\n');
    expect(lines).toHaveLength(11);
    expect(lines.slice(0, 2)).toEqual(['10 %, 20 of 200', '20 %, 40 of 200']);
    expect(lines.at(-2)).toBe('100 %, 200 of 200');
  });

  it('writes nothing where there is nothing to do', () => {
    expect(write(false, [])).toBe('');
  });
});

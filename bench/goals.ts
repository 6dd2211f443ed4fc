/** What is wanted, the floor, the goal, and what was measured in the same run. Nothing is asserted: the machine may have been busy. */
export type Goal = [wanted: string, floor: string, goal: string, measured: string];

export function drawGoals(contender: string, goals: Goal[]): Record<string, string>[] {
  return goals.map(([wanted, floor, goal, measured]) => ({
    ...{ 'this package with': contender, wanted },
    ...{ floor, goal, measured },
  }));
}

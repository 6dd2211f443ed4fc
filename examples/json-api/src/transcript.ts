import { ProblemError } from './client.js';

const WIDTH = 160;

/** Prints what a call has answered, in one line. */
export async function show<Answer>(call: string, answer: Promise<Answer>): Promise<Answer> {
  const answered = await answer;
  print(call, 'ok', answered);
  return answered;
}

/** Prints the problem with which a call must end. */
export async function showProblem(
  call: string,
  answer: Promise<unknown>,
  code: string,
): Promise<ProblemError> {
  const problem = await answer.then(
    () => new Error(`${call} was done and must have been refused: ${code}.`),
    (error: unknown) => error,
  );
  if (!(problem instanceof ProblemError) || problem.code !== code) throw problem;
  print(call, String(problem.status), { code, ...problem.members });
  return problem;
}

export function must(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(`It is not so that ${what}.`);
}

function print(call: string, outcome: string, answer: unknown): void {
  const line = `${call.padEnd(20)} ${outcome.padEnd(3)} ${answer === undefined ? '' : JSON.stringify(answer, shorten)}`;
  console.log(line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line.trimEnd());
}

/** A transcript is read: two of ten backup codes will do, and of a picture its beginning. */
function shorten(name: string, value: unknown): unknown {
  if (name === 'user_id') return undefined;
  if (Array.isArray(value) && value.length > 2) return [...(value as unknown[]).slice(0, 2), '…'];
  return typeof value === 'string' && value.length > 40 ? `${value.slice(0, 39)}…` : value;
}

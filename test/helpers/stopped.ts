import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** Sends SIGSTOP, and resolves when no thread of the process runs any more: until then it may still answer. */
export async function stopWhereItStands(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGSTOP');
  } catch (error) {
    if (hasEnded(error)) return;
    throw error;
  }
  for (let time = 0; !isStopped(pid); time += 5) {
    if (time > 5_000) throw new Error(`Process ${String(pid)} goes on after SIGSTOP.`);
    await wait(5);
  }
}

function isStopped(pid: number): boolean {
  const tasks = `/proc/${String(pid)}/task`;
  try {
    // The state stands after the name, which is in brackets and may hold anything.
    return readdirSync(tasks).every((task) =>
      /^[TtZX]/.test(readFileSync(`${tasks}/${task}/stat`, 'utf8').replace(/^.*\) /s, '')),
    );
  } catch (error) {
    // A thread ended while it was looked at, or the process.
    if (hasEnded(error)) return !existsSync(tasks);
    throw error;
  }
}

function hasEnded(error: unknown): boolean {
  return ['ESRCH', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');
}

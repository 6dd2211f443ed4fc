import type { ChildProcess } from 'node:child_process';

/** The first thing that a forked process says. @throws when it ends before it has said anything. */
export function firstMessage<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void =>
      reject(
        new Error(
          `${child.spawnargs.join(' ')} ended with ${String(code ?? signal)} before it said anything.`,
        ),
      );
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as Message);
    });
  });
}

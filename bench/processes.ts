import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A process that answers each message with one message. It ends with us. */
export interface Worker {
  ask<Answer>(question: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

/** Milliseconds after which a worker has failed. */
const SILENCE = 180_000;

export function startWorker(module: URL, ...parameters: string[]): Worker {
  const child: ChildProcess = fork(module, parameters);
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${module.pathname} has ended.`);
  });
  ended.catch(() => undefined);
  return {
    async ask<Answer>(question: unknown) {
      child.send(question as object);
      const given = once(child, 'message', { signal: AbortSignal.timeout(SILENCE) });
      const [answer] = (await Promise.race([given, ended])) as [Answer];
      return answer;
    },
    async stop() {
      // One that has ended by itself does not end again.
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

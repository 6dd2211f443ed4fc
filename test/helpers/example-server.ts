import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

// From the root of the repository, where npm runs tests and benches; the latter have this file compiled elsewhere.
const main = resolve('examples/identity-server/dist/main.js');

export interface ExampleServer {
  url: string;
  pid: number;
  /** What it has printed, not to stderr. */
  lines: string[];
  stop(): Promise<void>;
}

/** What nodes of one installation share. */
export interface Installation {
  folder: string;
  environment: Record<string, string>;
  remove(): void;
}

/**
 * A fresh database folder and keys; `redis` empty leaves the choice of session store to the server.
 * @param more more of the environment, such as another DATABASE_URL than that of a fresh SQLite file.
 */
export function createInstallation(redis: string, more: Record<string, string> = {}): Installation {
  const folder = mkdtempSync(join(tmpdir(), 'identity-server-'));
  return {
    folder,
    environment: {
      PATH: process.env['PATH'] ?? '',
      PORT: '0',
      DATABASE_URL: `file:${join(folder, 'app.db')}`,
      SESSION_SECRET: randomBytes(32).toString('base64'),
      TWO_FACTOR_KEYS: `test:${randomBytes(32).toString('base64')}`,
      ...(redis === '' ? {} : { REDIS_URL: redis }),
      ...more,
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs the built example as a process of its own. */
export async function startExample(environment: Record<string, string>): Promise<ExampleServer> {
  const child = spawn(process.execPath, [main], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  // Read to the end, or its writing would fail.
  const output = createInterface({ input: child.stdout });
  const url = await new Promise<string | undefined>((settle) => {
    output.on('line', (line) => {
      lines.push(line);
      const found = /listens on (http:\/\/localhost:\d+)/.exec(line)?.[1];
      if (found !== undefined) settle(found);
    });
    output.once('close', () => settle(undefined));
  });
  if (url === undefined) throw new Error(`The example did not start:\n${lines.join('\n')}`);
  return {
    url,
    pid: child.pid ?? 0,
    lines,
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

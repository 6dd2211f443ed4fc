import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'libsql';
import { totpCode } from 'passport-second-factor/testing';
import { redisUrl } from '../helpers/redis.js';
import { passwordOf, Visitor } from '../helpers/visitor.js';

export type App = 'before' | 'after';

const example = (path: string): string =>
  fileURLToPath(new URL(`../../examples/migration/${path}`, import.meta.url));

/** One database and one session store, and the applications of `examples/migration` on them. */
export class Deployment {
  readonly folder = mkdtempSync(join(tmpdir(), 'migration-'));
  readonly environment = {
    PATH: process.env['PATH'] ?? '',
    PORT: '0',
    DATABASE: join(this.folder, 'app.db'),
    REDIS_URL: redisUrl(),
    TWO_FACTOR_KEY: randomBytes(32).toString('base64'),
  };
  readonly #running: ChildProcess[] = [];

  /** @param ahead milliseconds that its clock is ahead. @returns its address. */
  async start(app: App, ahead = 0): Promise<string> {
    const clock = `data:text/javascript,const now = Date.now; Date.now = () => now() + ${String(ahead)};`;
    const child = spawn(process.execPath, ['--import', clock, example(`${app}/app.js`)], {
      env: this.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#running.push(child);
    for await (const line of createInterface({ input: child.stdout })) return line;
    throw new Error(`The application ${app} did not start.`);
  }

  async stop(): Promise<void> {
    for (const child of this.#running.splice(0)) {
      if (child.exitCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    }
  }

  /** Runs another program of the example to its end. @returns what it printed. */
  async run(path: string, ...options: string[]): Promise<string> {
    const node = promisify(execFile);
    return (await node(process.execPath, [example(path), ...options], { env: this.environment })).stdout;
  }

  /** What somebody does to the table of users by hand. */
  execute(sql: string): void {
    const database = new Database(this.environment.DATABASE, { timeout: 5_000 });
    database.exec(sql);
    database.close();
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** What a person keeps of the second factor of the application of before. */
export interface OldFactor {
  code(steps?: number): string;
  backupCodes: string[];
}

/** Registers, which signs in. */
export async function register(nodes: readonly string[], username: string): Promise<Visitor> {
  const visitor = new Visitor(nodes);
  await visitor.post('/register', { username, password: passwordOf(username) });
  return visitor;
}

/** The set-up of the application of before. */
export async function setUpBefore(visitor: Visitor): Promise<OldFactor> {
  const { text } = await visitor.get('/2fa/setup');
  const secret = /<code>([A-Z2-7]+)</.exec(text)?.[1] ?? '';
  const code = (steps = 0): string => totpCode(secret, Date.now() + steps * 30_000);
  const page = await visitor.post('/2fa/setup', { code: code() });
  return { code, backupCodes: [...page.text.matchAll(/<li>(\w+)</g)].map(([, one = '']) => one) };
}

/** A browser in which the password was given, and nothing else. */
export async function givePassword(nodes: readonly string[], username: string): Promise<Visitor> {
  const visitor = new Visitor(nodes);
  await visitor.signIn(username);
  return visitor;
}

/** Gives a code where the application asks for it. */
export async function answer(app: App, visitor: Visitor, code: string): Promise<string> {
  const { text } = await (app === 'before' ? visitor.post('/2fa', { code }) : visitor.answer(code));
  return text;
}

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The user that a server runs as: itself as root it will not. */
export interface Account {
  uid?: number;
  gid?: number;
}

/** Throws where there is none: a test of a database must not pass without one. */
export function findProgram(name: string, folders: readonly string[], packageName: string): string {
  for (const folder of [...folders, ...(process.env['PATH'] ?? '').split(delimiter)]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (folder !== '') return path;
    } catch {
      // The next folder.
    }
  }
  throw new Error(
    `There is no ${name} for the tests of other databases. On Debian: apt-get install ${packageName}.`,
  );
}

/** Nobody to change to unless this is root. */
export function findAccount(name: string): Account {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`There is no user ${name} to run the database server as.`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

export function makeFolder(name: string, { uid, gid }: Account): string {
  const folder = mkdtempSync(join(tmpdir(), `second-factor-${name}-`));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

export async function runProgram(
  path: string,
  parameters: readonly string[],
  account: Account,
): Promise<void> {
  await run(path, parameters, { ...account, cwd: '/', timeout: 60_000 });
}

/**
 * The shell becomes the server (so the child's pid is the server's), and leaves a watcher that reads our end of a pipe:
 * when that closes without a word, this run has ended, killed perhaps, and so must the server. Not stdin, which Node closes
 * itself when the child ends: the files of a server that was killed on purpose are still needed.
 */
const runAndWatch = `
signal=$1; folder=$2; shift 2
( read -r gone <&3 || { kill -$signal $$; sleep 1; rm -rf "$folder"; } ) >/dev/null 2>&1 &
exec "$@" 3<&-
`;

export function spawnServer(
  command: readonly string[],
  {
    account,
    folder,
    signal,
    env,
  }: { account: Account; folder: string; signal: string; env?: NodeJS.ProcessEnv },
): ChildProcess {
  const child = spawn('/bin/sh', ['-c', runAndWatch, 'sh', signal, folder, ...command], {
    ...account,
    ...(env && { env }),
    cwd: '/',
    // A group of its own: Ctrl-C must not end it before our connections are closed.
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const watched = child.stdio[3] as Writable;
  watched.on('error', () => undefined);
  child.once('exit', () => watched.end('gone\n'));
  return child;
}

export async function whenEnded(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Asks the system, because a server process does not tell its children. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number | undefined {
  try {
    // After the name in brackets, which may hold anything: state, then parent.
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    );
  } catch {
    return undefined;
  }
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

import { randomBytes } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerProgram } from './databases.js';
import {
  childrenOf,
  findAccount,
  findFreePort,
  findProgram,
  makeFolder,
  runProgram,
  spawnServer,
  whenEnded,
} from './databases-programs.js';

export async function startPostgresProgram(): Promise<ServerProgram> {
  const folders = debianFolders();
  const initdb = findProgram('initdb', folders, 'postgresql');
  const postgres = findProgram('postgres', folders, 'postgresql');
  const account = findAccount('postgres');
  const folder = makeFolder('postgres', account);
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const port = await findFreePort();
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  await runProgram(
    initdb,
    ['-D', data, '-U', 'test', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8']
      // A collation that sorts words as people do: what compares bytes must say so itself.
      .concat(['--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US', '--no-sync']),
    account,
  );
  // Without fsync a killed server keeps what it committed all the same; only the machine must not die.
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: folder, fsync: 'off' };
  const command = [postgres, '-D', data].concat(
    Object.entries({ ...settings, max_connections: 200 }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]),
  );
  let child: ChildProcess | undefined;
  return {
    kind: 'postgres',
    url: `postgres://test:${password}@127.0.0.1:${port}/postgres`,
    processes: () => (child?.pid === undefined ? [] : [child.pid, ...childrenOf(child.pid)]),
    async run() {
      // SIGQUIT is PostgreSQL's "immediate": it ends its processes at once and recovers at the next start.
      child = spawnServer(command, { account, folder, signal: 'QUIT' });
    },
    endGently: () => child?.kill('SIGINT'),
    endHard: () => child?.kill('SIGQUIT'),
    ended: async () => child && whenEnded(child),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Newest first. Debian keeps the programs of each version in a folder of its own, and off the PATH. */
function debianFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

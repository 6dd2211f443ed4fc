import { randomBytes } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerProgram } from './databases.js';
import {
  findAccount,
  findFreePort,
  findProgram,
  makeFolder,
  runProgram,
  spawnServer,
  whenEnded,
} from './databases-programs.js';

export async function startMariadbProgram(): Promise<ServerProgram> {
  const install = findProgram('mariadb-install-db', ['/usr/bin'], 'mariadb-server');
  const mariadbd = findProgram('mariadbd', ['/usr/sbin'], 'mariadb-server');
  const account = findAccount('mysql');
  const folder = makeFolder('mariadb', account);
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const port = await findFreePort();
  await runProgram(
    install,
    ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--auth-root-authentication-method=normal'],
    account,
  );
  const initFile = join(folder, 'init.sql');
  // One statement a line: the server reads no more of it.
  const statements = [
    `create user if not exists test@'%' identified by '${password}';`,
    "grant all on *.* to test@'%' with grant option;",
    'create database if not exists test;',
  ];
  await writeFile(initFile, statements.join('\n') + '\n');
  const command = [mariadbd, '--no-defaults', `--datadir=${data}`, `--init-file=${initFile}`].concat(
    [
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      `--socket=${join(folder, 'socket')}`,
      '--skip-name-resolve',
    ],
    [`--pid-file=${join(folder, 'pid')}`, '--max-connections=200', '--innodb-buffer-pool-size=32M'],
    // A killed server keeps what it committed all the same; only the machine must not die.
    ['--innodb-flush-log-at-trx-commit=2', '--innodb-flush-method=nosync'],
  );
  let child: ChildProcess | undefined;
  return {
    kind: 'mysql',
    url: `mysql://test:${password}@127.0.0.1:${port}/test`,
    processes: () => (child?.pid === undefined ? [] : [child.pid]),
    async run() {
      child = spawnServer(command, { account, folder, signal: 'KILL' });
    },
    endGently: () => child?.kill('SIGTERM'),
    endHard: () => child?.kill('SIGKILL'),
    ended: async () => child && whenEnded(child),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

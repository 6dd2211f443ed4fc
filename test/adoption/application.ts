import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../helpers/databases-programs.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export type Version = 'before' | 'after';

/** An application of `examples`, copied into a folder where it finds its packages as `npm install` lays them out. */
export class Application {
  readonly folder = mkdtempSync(join(tmpdir(), 'adoption-'));
  readonly environment: Record<string, string>;
  /** Everything that it printed. */
  readonly lines: string[] = [];
  url = '';
  #child: ChildProcess | undefined;

  /**
   * @param path below `examples`.
   * @param packages those of this checkout that stand under another name, by the name that the application imports.
   */
  constructor(path: string, packages: Record<string, string> = {}, environment: Record<string, string> = {}) {
    cpSync(join(root, 'examples', path), this.folder, {
      recursive: true,
      filter: (file) => !/node_modules|dist$/.test(file),
    });
    layOutPackages(join(this.folder, 'node_modules'), packages);
    this.environment = {
      PATH: process.env['PATH'] ?? '',
      TWO_FACTOR_KEY: randomBytes(32).toString('base64'),
      ...environment,
    };
  }

  /** @param main its start file, in JavaScript. */
  async start(main: string): Promise<void> {
    const folder = dirname(join(this.folder, main));
    const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'));
    for (const name of sources) await compile(join(folder, name));
    const port = String(await findFreePort());
    const child = spawn(process.execPath, ['--preserve-symlinks', '--preserve-symlinks-main', main], {
      cwd: this.folder,
      env: { ...this.environment, PORT: port },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.url = `http://localhost:${port}`;
    const output = createInterface({ input: child.stdout });
    output.on('line', (line) => this.lines.push(line));
    await Promise.race([
      once(output, 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${main} did not start.`))),
    ]);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** Makes JavaScript beside it; `npm run check` looks at the types. */
async function compile(file: string): Promise<void> {
  const { default: ts } = await import('typescript');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions });
  writeFileSync(file.replace(/\.ts$/, '.js'), outputText);
}

/** With links to the packages of this checkout; Node has to take a link for the folder it leads to. */
function layOutPackages(folder: string, packages: Record<string, string>): void {
  const installed = join(root, 'node_modules');
  mkdirSync(folder);
  for (const name of readdirSync(installed)) {
    if (!name.startsWith('.')) symlinkSync(join(installed, packages[name] ?? name), join(folder, name));
  }
  // Not the checkout itself: its own packages would come first.
  const ours = join(folder, 'passport-second-factor');
  mkdirSync(ours);
  for (const name of ['dist', 'views', 'package.json']) symlinkSync(join(root, name), join(ours, name));
}

import { common, explain, parse, perform, withConfig } from './command.js';

const usage = `second-factor migrate [options]

Creates or upgrades the tables, as the application does at its start. Safe to repeat, and while the application runs.

  --config <file>   default second-factor.config.js in this folder
  --help

Exit code: 0 the tables are those of this version, 2 it was not done.
`;

const options = { config: common.config, help: common.help };

/** @returns the exit code. */
export function migrate(args: string[]): Promise<number> {
  return perform(async () => {
    const { config: file, help } = parse(usage, { args, options }).values;
    if (help) return explain(usage);
    return withConfig(file, async ({ options: { storage } }) => {
      await storage.migrate();
      console.log('The tables are those of this version.');
      return 0;
    });
  });
}

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { UsageError } from '../core/errors.ts';
import { addCommands } from './commands.ts';
import { reportFailure } from './failure.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** Refuses an option with an empty value, which a variable of the shell that is not set leaves. */
function checkValues(command: Command): void {
  for (const option of command.options)
    if (command.getOptionValue(option.attributeName()) === '')
      throw new UsageError({
        where: option.long!,
        expected: `a value, ${option.flags.split(' ')[1]}`,
        got: "''",
        hint: 'A variable of the shell may be empty; without a value, leave the option out',
      });
}

/** Runs one command line (without `node` and the script) and returns the status to exit with. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('fovea')
    .description('Train, understand and ship convolutional image recognizers')
    .version(version)
    .showHelpAfterError('(--help lists commands and options)')
    .configureHelp({ minWidthToWrap: 20 })
    .exitOverride()
    .hook('preAction', (_, command) => checkValues(command));
  addCommands(program, (code) => {
    status = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return reportFailure(error, args);
  }
}

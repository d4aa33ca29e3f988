import { EXIT, toReport, type ExitCode } from '../contracts/errors.ts';
import { COMMANDS } from './commands/index.ts';
import { helpOf, helpOfAll } from './lib/help.ts';
import { endOnSignal } from './lib/interrupts.ts';
import { Output } from './lib/output.ts';
import { parseCommand, usage } from './lib/parse.ts';

/** Runs `forja` with these arguments. @returns the exit code */
async function main(argv: string[]): Promise<ExitCode> {
  const [name = '', ...rest] = argv;
  const output = new Output(argv.includes('--json'));
  try {
    if (name === '' || name === 'help' || name === '--help' || name === '-h') {
      output.text(helpOfAll(COMMANDS));
      return name === '' ? EXIT.bad_input : EXIT.done;
    }
    const command = COMMANDS.find((one) => one.name === name);
    if (command === undefined) throw usage(`There is no command ${name}.`, 'See `forja --help`.', { command: name });
    const args = parseCommand(command, rest);
    if (args.options.help === true) {
      output.text(helpOf(command));
      return EXIT.done;
    }
    return await command.run(args, output);
  } catch (error) {
    const report = toReport(error);
    output.fail(name, report);
    if (report.code === 'internal' && process.env.FORJA_DEBUG && error instanceof Error) {
      process.stderr.write(`${error.stack ?? ''}\n`);
    }
    return report.exit_code;
  } finally {
    await output.drain();
  }
}

endOnSignal(EXIT.stopped);
// Nothing is left to do after a command: what still holds the loop (a pipe of a dead child) must not hold the terminal.
process.exit(await main(process.argv.slice(2)));

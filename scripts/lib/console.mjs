import { spawn } from 'node:child_process';

const isTerminal = process.stderr.isTTY === true;

/** Says what is being done. Goes to stderr: stdout is for results. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Prints why nothing can go on, with what to do, and ends the process. */
export function fail(message, hint) {
  say(`\n✗ ${message}${hint ? `\n  ${hint.split('\n').join('\n  ')}` : ''}`);
  process.exit(1);
}

/**
 * Runs a program to its end, showing one line of progress; its output is shown only when it fails.
 *
 * @param {string} title what is being done
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, progress?: (line: string) => string | null, shell?: boolean }} options
 *   progress: turns a line of output into a short text such as "12/80"
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export async function runShown(title, program, args, options = {}) {
  const started = Date.now();
  let detail = '';
  let output = '';
  const line = () => `▸ ${title} … ${detail}${detail ? ' ' : ''}(${Math.round((Date.now() - started) / 1000)} s)`;
  const show = () => isTerminal && process.stderr.write(`\r\x1b[K${line()}`);
  if (isTerminal) show();
  else say(`▸ ${title} …`);
  const timer = setInterval(() => (isTerminal ? show() : say(line())), isTerminal ? 500 : 15_000);
  const code = await new Promise((resolve) => {
    const { cwd, env, shell } = options;
    const child = spawn(program, args, { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    const read = (piece) => {
      output += piece;
      for (const text of String(piece).split('\n')) detail = options.progress?.(text) ?? detail;
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', (error) => {
      output += error.message;
      resolve(1);
    });
    child.on('close', resolve);
  });
  clearInterval(timer);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (isTerminal) process.stderr.write('\r\x1b[K');
  say(
    code === 0
      ? `✓ ${title} (${seconds} s)`
      : `✗ ${title} failed:\n${output.trimEnd().split('\n').slice(-40).join('\n')}`,
  );
  return { ok: code === 0, output };
}

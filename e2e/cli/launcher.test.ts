import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { alpacaRows, fixture, useWorkplace, type Line } from '../support/forja.ts';

const place = useWorkplace();
const ENTRY = join(import.meta.dirname, '../../main/cli/forja.mjs');

/** The launcher starts another Node only where its own is too old. The one at hand says it is; FORJA_OLD_NODES names real ones, by `:`. */
const PRETENDS = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.0.0'}})`;
const nodes: [name: string, program: string, ...args: string[]][] = [
  ['the Node at hand', process.execPath, '--import', PRETENDS],
  ...(process.env.FORJA_OLD_NODES ?? '')
    .split(':')
    .filter((path) => path !== '')
    .map((path): [string, string] => [path, path]),
];

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  last: Line;
}

/** Trains, sends SIGINT at the first step, and waits for the end. */
function interrupt(out: string, [, program, ...args]: (typeof nodes)[number], isGroup: boolean): Promise<Ended> {
  const rows = place.write('rows.jsonl', alpacaRows(40));
  const options = ['--max-steps', '5000', '--epochs', '1000', '--lora-rank', '4', '--max-seq-len', '128', '--json'];
  const train = ['train', '--model', fixture('llama-f32.gguf'), '--data', rows, '--out', out, '--device', 'cpu'];
  return new Promise((resolve) => {
    const child = spawn(program, [...args, ENTRY, ...train, ...options], {
      env: { ...process.env, FORJA_DATA_DIR: place.data_dir },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true, // a process group of its own, as a terminal gives it one
    });
    let text = '';
    let isSent = false;
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (isSent || !text.includes('"type":"step"')) return;
      isSent = true;
      process.kill(isGroup ? -child.pid! : child.pid!, 'SIGINT');
    });
    child.on('close', (code, signal) => {
      const last = JSON.parse(text.trimEnd().split('\n').at(-1)!) as Line;
      resolve({ code, signal, last });
    });
  });
}

describe.skipIf(process.platform === 'win32').each(nodes)('SIGINT under %s', (...node) => {
  test.each([
    ['to the launcher alone', false],
    ['to its group, as a terminal sends it', true],
  ])('%s stops the run with a checkpoint', async (_, isGroup) => {
    const out = place.path(`run-${isGroup}-${node[0].replace(/\W/g, '')}`);
    const { code, signal, last } = await interrupt(out, node, isGroup);
    expect([code, signal]).toEqual([3, null]);
    expect(last).toMatchObject({ type: 'summary', command: 'train', status: 'stopped', exit_code: 3 });
    const step = last.steps as number;
    expect(step).toBeGreaterThan(0);
    expect(step).toBeLessThan(5000);
    expect(readdirSync(join(out, 'checkpoints'))).toContain(`step-${String(step).padStart(8, '0')}`);
    // Its trainer, which has a process group of its own, has ended too: nobody holds the run any more.
    expect(readdirSync(out)).not.toContain('run.lock');
  });
});

import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ChatRequest, ChatResponse } from './protocol.ts';

/** A running worker, whatever kind of process it is. */
export interface Worker {
  pid: number | undefined;
  /** What is sent to a worker that has ended is lost. */
  send(request: ChatRequest): void;
  kill(): void;
}

export interface WorkerHooks {
  onMessage: (response: ChatResponse) => void;
  /** Called once; `stderr` is the end of what it wrote there. */
  onExit: (reason: string, stderr: string) => void;
}

export type StartWorker = (hooks: WorkerHooks) => Worker;

/** How much of stderr is kept for an error report. */
export const STDERR_KEPT_CHARS = 4000;

/** Starts the worker as a Node process. */
export const startNodeWorker: StartWorker = ({ onMessage, onExit }) => {
  const child = fork(workerPath(), [], {
    execPath: nodePath(),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  let hasEnded = false;
  const end = (reason: string) => {
    if (!hasEnded) onExit(reason, stderr);
    hasEnded = true;
  };
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_KEPT_CHARS)));
  child.on('message', onMessage);
  child.on('error', (error) => end(error.message));
  // 'close' comes after the last of stderr was read.
  child.on('close', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
  return {
    pid: child.pid,
    send: (request) => {
      if (child.connected) child.send(request);
    },
    kill: () => child.kill(),
  };
};

/** The worker beside this file: TypeScript in a checkout, JavaScript once built. */
function workerPath(): string {
  const source = fileURLToPath(new URL('./worker.ts', import.meta.url));
  return existsSync(source) ? source : fileURLToPath(new URL('./worker.js', import.meta.url));
}

/** A Node that runs the worker: this one, or the packages' own where this one is too old for TypeScript. */
function nodePath(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const bundled = fileURLToPath(new URL(`../../node_modules/node/bin/${name}`, import.meta.url));
  return existsSync(bundled) ? bundled : process.execPath;
}

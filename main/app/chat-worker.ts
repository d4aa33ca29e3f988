import { utilityProcess } from 'electron';
import { STDERR_KEPT_CHARS, type ChatResponse, type StartWorker } from '../chat/index.ts';
// Built as a bundle of its own, beside the main process's.
import workerPath from '../chat/worker.ts?modulePath';

/** Starts the chat's worker as one of Electron's utility processes; a packaged app has no other Node. */
export const startUtilityWorker: StartWorker = ({ onMessage, onExit }) => {
  // Not inside the archive: there a CommonJS file can't import ESM.
  const path = workerPath.replace(/\bapp\.asar\b/, 'app.asar.unpacked');
  const child = utilityProcess.fork(path, [], { serviceName: 'forja-chat', stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr?.on('data', (piece: Buffer) => (stderr = (stderr + piece.toString('utf8')).slice(-STDERR_KEPT_CHARS)));
  child.on('message', (message: unknown) => onMessage(message as ChatResponse));
  child.on('exit', (code) => onExit(`exit code ${code}`, stderr));
  return {
    get pid() {
      return child.pid;
    },
    send: (request) => child.postMessage(request),
    kill: () => void child.kill(),
  };
};

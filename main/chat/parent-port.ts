import type { ChatRequest, ChatResponse } from './protocol.ts';

/** The worker's end of the channel to its parent. */
export interface ParentPort {
  send(response: ChatResponse): void;
  onMessage(listener: (request: ChatRequest) => void): void;
}

/** What Electron gives a utility process. */
interface ElectronPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): void;
}

/** The channel of a forked Node process or of an Electron utility process; this process ends when its parent goes. */
export function openParentPort(): ParentPort {
  const { parentPort } = process as { parentPort?: ElectronPort };
  if (parentPort !== undefined) {
    return {
      send: (response) => parentPort.postMessage(response),
      onMessage: (listener) => parentPort.on('message', ({ data }) => listener(data as ChatRequest)),
    };
  }
  process.on('disconnect', () => process.exit(0));
  return {
    send: (response) => {
      if (process.connected) process.send!(response);
    },
    onMessage: (listener) => process.on('message', listener),
  };
}

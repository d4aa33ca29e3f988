/**
 * The chat process: answers requests of protocol.ts that come over the process channel. It ends when its parent goes.
 * Nothing else of the app is in this process, so a crash of llama.cpp takes nothing with it.
 */
import { ChatError } from './errors.ts';
import type { ChatFailure, ChatResponse, GenerateRequest, LoadRequest, UnloadRequest } from './protocol.ts';
import { openParentPort } from './parent-port.ts';
import { Voices } from './voices.ts';

const voices = new Voices();
const running = new Map<number, AbortController>();
/** Loads come one after another: a voice must not be replaced while it is being made. */
let loads: Promise<void> = Promise.resolve();

const parent = openParentPort();

function send(response: ChatResponse): void {
  parent.send(response);
}

function toFailure(error: unknown): ChatFailure {
  if (error instanceof ChatError) {
    const { code, message, hint, details } = error;
    return { code, message, hint, details };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'chat_failed',
    message: `Generating failed: ${message}`,
    hint: 'Try again, or load the model anew.',
    details: {},
  };
}

async function load(request: LoadRequest): Promise<void> {
  try {
    send({ id: request.id, type: 'loaded', result: await voices.load(request) });
  } catch (error) {
    send({ id: request.id, type: 'failed', error: toFailure(error) });
  }
}

async function unload({ id, voice }: UnloadRequest): Promise<void> {
  try {
    await voices.unload(voice);
    send({ id, type: 'unloaded', result: null });
  } catch (error) {
    send({ id, type: 'failed', error: toFailure(error) });
  }
}

async function generate(request: GenerateRequest): Promise<void> {
  const { id } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const result = await voices.generate(request, (text) => send({ id, type: 'text', text }), controller.signal);
    send({ id, type: 'generated', result });
  } catch (error) {
    send({ id, type: 'failed', error: toFailure(error) });
  } finally {
    running.delete(id);
  }
}

parent.onMessage((request) => {
  switch (request.type) {
    case 'load':
      loads = loads.then(() => load(request));
      break;
    case 'unload':
      loads = loads.then(() => unload(request));
      break;
    case 'generate':
      void generate(request);
      break;
    case 'stop':
      running.get(request.id)?.abort();
      break;
  }
});

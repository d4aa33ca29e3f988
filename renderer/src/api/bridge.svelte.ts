import type { ChannelName, EventName } from '../../../main/contracts/channels.ts';
import type { Answer, Bridge, IpcError, IpcEvent, IpcRequest, IpcResponse } from '../../../main/contracts/ipc.ts';

declare global {
  interface Window {
    /** Put there by the preload script; only this file uses it. */
    forja: Bridge;
  }
}

export type Channel = Exclude<ChannelName, 'files.dropped'>;

/** Nothing for channels that take nothing, so that `call('runs.list')` is enough. */
type Arguments<Name extends Channel> = undefined extends IpcRequest<Name> ? [] : [request: IpcRequest<Name>];

/** What the main process answered in place of a value; screens translate it by its code. */
export class ApiError extends Error implements IpcError {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly hint: string;
  readonly details: Record<string, unknown>;

  constructor(error: IpcError) {
    super(error.message);
    this.code = error.code;
    this.hint = error.hint;
    this.details = error.details;
  }
}

/**
 * Asks the main process.
 *
 * @returns the answer's value
 * @throws ApiError when it was refused or failed
 */
export async function call<Name extends Channel>(
  channel: Name,
  ...[request]: Arguments<Name>
): Promise<IpcResponse<Name>> {
  // The bridge copies what it is given, and state's proxies can't be copied.
  const plain = $state.snapshot(request) as IpcRequest<Name>;
  return unwrap(await window.forja.invoke(channel, plain));
}

/** Listens to an event; returns what ends that. */
export function on<Name extends EventName>(name: Name, listener: (data: IpcEvent<Name>) => void): () => void {
  return window.forja.on(name, listener);
}

/**
 * Tells the main process of a file that was dropped into the window, so that it may be read.
 *
 * @returns its path and what it looks like
 * @throws ApiError when it can't be read
 */
export async function dropped(file: File): Promise<IpcResponse<'files.dropped'>> {
  return unwrap(await window.forja.dropped(file));
}

function unwrap<Value>(answer: Answer<Value>): Value {
  if (answer.ok) return answer.value;
  throw new ApiError(answer.error);
}

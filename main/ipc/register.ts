import { ForjaError, toReport } from '../contracts/errors.ts';
import { CHANNELS, type ChannelName } from '../contracts/channels.ts';
import { ipc, type Answer, type IpcHandlers } from '../contracts/ipc.ts';

/** What of Electron's ipcMain is used. */
export interface CallRegistry<Event> {
  handle(channel: string, listener: (event: Event, ...args: unknown[]) => Promise<unknown>): void;
}

/** Of what is wrong with a request this much is told: it may be as large as whoever made it likes. */
const MOST_ISSUES = 5;
const MOST_CHARS = 300;

/**
 * Registers a handler for every channel. A caller that is not trusted and arguments that the contract does not allow are refused
 * before the handler sees them; whatever it throws becomes an answer.
 *
 * @param isTrusted whether a call comes from the app's own page in its own window
 * @param onFault told of errors that are faults of Forja itself
 */
export function registerHandlers<Event>(
  registry: CallRegistry<Event>,
  handlers: IpcHandlers,
  isTrusted: (event: Event) => boolean,
  onFault: (channel: ChannelName, error: unknown) => void,
): void {
  for (const channel of CHANNELS) {
    registry.handle(channel, (event, request) => answer(channel, handlers, isTrusted(event), request, onFault));
  }
}

async function answer(
  channel: ChannelName,
  handlers: IpcHandlers,
  trusted: boolean,
  request: unknown,
  onFault: (channel: ChannelName, error: unknown) => void,
): Promise<Answer<unknown>> {
  try {
    if (!trusted) {
      throw new ForjaError('sender_unknown', 'This call does not come from the window of Forja.', 'It was refused.', {
        channel,
      });
    }
    const parsed = ipc[channel].request.safeParse(request);
    if (!parsed.success) {
      const issues = parsed.error.issues
        .slice(0, MOST_ISSUES)
        .map(({ path, message }) => `${path.join('.') || 'request'}: ${message}`.slice(0, MOST_CHARS));
      throw new ForjaError(
        'request_invalid',
        `${channel} was called with something it does not take: ${issues.join('; ')}`,
        'Correct what is named; if you have not typed it, this is a fault of Forja itself: please report it.',
        { channel, issues },
      );
    }
    // One function for each channel, called with what its own schema made of the request.
    const handler = handlers[channel] as (request: unknown) => unknown;
    // Only what the contract declares leaves the main process.
    return { ok: true, value: ipc[channel].response.parse(await handler(parsed.data)) };
  } catch (error) {
    const { code, message, hint, details } = toReport(error);
    if (code === 'internal') onFault(channel, error);
    return { ok: false, error: { code, message, hint, details: plain(details) } };
  }
}

/** Details as plain data: what can't be cloned must not lose the error. */
function plain(details: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(details)) as Record<string, unknown>;
}

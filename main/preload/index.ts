/**
 * The bridge: what of the main process the window can reach. Sandboxed, so nothing but Electron's own modules is here, and of the
 * contract only its names.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { CHANNELS, EVENTS } from '../contracts/channels.ts';
import type { Bridge } from '../contracts/ipc.ts';

/** Called with a path of our own finding, never with one that the page names. */
const DROPPED = 'files.dropped';
const channels = new Set<string>(CHANNELS.filter((name) => name !== DROPPED));
const events = new Set<string>(EVENTS);

/** A dropped file's path: webUtils has it on newer runtimes, the file itself on Electron 25. */
function pathOf(file: File): string {
  const utils = webUtils as typeof webUtils | undefined;
  return utils === undefined ? ((file as { path?: string }).path ?? '') : utils.getPathForFile(file);
}

const bridge: Bridge = {
  invoke: (channel, request) =>
    channels.has(channel)
      ? ipcRenderer.invoke(channel, request)
      : Promise.reject(new Error(`There is no channel ${channel as string}.`)),
  on: (name, listener) => {
    if (!events.has(name)) throw new Error(`There is no event ${name}.`);
    const receive = (_: unknown, data: unknown) => listener(data as never);
    ipcRenderer.on(name, receive);
    return () => ipcRenderer.removeListener(name, receive);
  },
  dropped: (file) => ipcRenderer.invoke(DROPPED, { path: file instanceof File ? pathOf(file) : '' }),
};

contextBridge.exposeInMainWorld('forja', bridge);

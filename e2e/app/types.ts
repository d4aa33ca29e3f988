import type { ChannelName } from '../../main/contracts/channels.ts';

export type { IpcEvent, IpcRequest, IpcResponse } from '../../main/contracts/ipc.ts';
export type Channel = Exclude<ChannelName, 'files.dropped'>;

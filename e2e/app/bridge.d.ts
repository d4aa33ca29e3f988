import type { Bridge } from '../../main/contracts/ipc.ts';

declare global {
  interface Window {
    forja: Bridge;
  }
}

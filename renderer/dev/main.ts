import type { Bridge } from '../../main/contracts/ipc.ts';
import { answer } from './recorded.ts';

/**
 * The bridge, answering from recordings. `?lang=es`, `?theme=dark`, `?scenario=empty|interrupted|broken|too-big` change what it
 * tells; the screens do not know the difference.
 */
const bridge: Bridge = {
  async invoke(channel, request) {
    // As the real bridge does: what can't be cloned is refused here too.
    const value = answer(channel, structuredClone(request));
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { ok: true, value: structuredClone(value) } as never;
  },
  on: () => () => undefined,
  dropped: () => Promise.resolve({ ok: true, value: { path: '/data/dropped.gguf', kind: 'model' } }),
};

window.forja = bridge;
await import('../src/main.ts');

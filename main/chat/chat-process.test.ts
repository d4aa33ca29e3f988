import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChatProcess } from './chat-process.ts';

let chat: ChatProcess;
beforeEach(() => {
  chat = new ChatProcess();
});
afterEach(() => {
  chat.close();
});

describe('the chat process', () => {
  it('answers with errors that have a code, and lives on', async () => {
    await expect(chat.generate('nobody', [['Hi', 0]])).rejects.toMatchObject({ code: 'chat_voice_unknown' });
    const { pid } = chat;
    const missing = { model_path: 'no-such-model.gguf' };
    await expect(chat.load('base', missing)).rejects.toMatchObject({
      code: 'chat_model_unloadable',
      details: { model_path: 'no-such-model.gguf', adapter_path: null },
    });
    const text = { model_path: import.meta.filename };
    await expect(chat.load('base', text)).rejects.toMatchObject({ code: 'chat_model_unloadable' });
    expect(chat.pid).toBe(pid);
  });

  it('rejects what was asked when the process is killed, and starts a new one for the next request', async () => {
    await expect(chat.generate('nobody', [['Hi', 0]])).rejects.toMatchObject({ code: 'chat_voice_unknown' });
    const { pid } = chat;
    process.kill(pid!, 'SIGSTOP');
    const asked = chat.generate('nobody', [['Hi', 0]]);
    process.kill(pid!, 'SIGKILL');
    await expect(asked).rejects.toMatchObject({ code: 'chat_crashed', details: { reason: 'signal SIGKILL' } });
    await expect(chat.generate('nobody', [['Hi', 0]])).rejects.toMatchObject({ code: 'chat_voice_unknown' });
    expect(chat.pid).not.toBe(pid);
  });

  it('rejects after it was closed', async () => {
    const asked = chat.generate('nobody', [['Hi', 0]]);
    chat.close();
    await expect(asked).rejects.toMatchObject({ code: 'chat_closed' });
    await expect(chat.generate('nobody', [['Hi', 0]])).rejects.toMatchObject({ code: 'chat_closed' });
  });
});

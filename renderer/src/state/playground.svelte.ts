import type { AdapterSource, ChatSampling, IpcError } from '../../../main/contracts/ipc.ts';
import { ApiError, call, on } from '../api/bridge.svelte.ts';
import { newTurn, onDied, onDone, onRefused, onToken, openAsks, VOICES, type Turn, type Voice } from './playground.ts';

/** What the two voices answer with. */
export interface PlaygroundWeights {
  /** The base model: that of the first run. */
  model_path: string;
  adapters: AdapterSource[];
  n_ctx: number;
}

/** The playground's answers; they stay while one looks at other screens. */
class PlaygroundState {
  #turns = $state.raw<readonly Turn[]>([]);
  #isLoading = $state(false);
  #died = $state.raw<IpcError | null>(null);
  #error = $state.raw<unknown>(null);
  /** What is loaded, by voice, as text to compare; null where nothing is. */
  #loaded: Record<Voice, { key: string; label: string } | null> = { base: null, tuned: null };
  readonly #open = $derived(openAsks(this.#turns));

  sampling = $state<ChatSampling>({ temperature: 0, top_p: 0.95, top_k: 40, min_p: 0.05, repeat_penalty: 1, seed: 42 });
  max_tokens = $state(256);
  n_ctx = $state(2048);
  system = $state('');

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  get isWriting(): boolean {
    return this.#open.length > 0;
  }

  /** Why the chat's process ended; null while it lives. */
  get died(): IpcError | null {
    return this.#died;
  }

  /** Why the weights could not be loaded. */
  get error(): unknown {
    return this.#error;
  }

  /** Follows the answers; returns what ends that, stops them and gives the memory back. */
  start(): () => void {
    const stops = [
      on('chat.token', (event) => (this.#turns = onToken(this.#turns, event))),
      on('chat.done', (event) => (this.#turns = onDone(this.#turns, event))),
      on('chat.died', ({ error }) => {
        this.#turns = onDied(this.#turns, error);
        this.#loaded = { base: null, tuned: null };
        this.#died = error;
      }),
    ];
    return () => {
      const left = this.#open;
      void this.stop();
      this.#turns = left.reduce((turns, ask_id) => endHere(turns, ask_id), this.#turns);
      for (const stop of stops) stop();
      for (const voice of VOICES) if (this.#loaded[voice] !== null) void call('chat.unload', { voice });
      this.#loaded = { base: null, tuned: null };
    };
  }

  /** Loads what is not loaded yet. @returns whether both voices can answer */
  async load(weights: PlaygroundWeights): Promise<boolean> {
    this.#isLoading = true;
    this.#error = null;
    try {
      for (const voice of VOICES) {
        const { model_path, n_ctx } = weights;
        const request = { voice, model_path, n_ctx, adapters: voice === 'base' ? [] : weights.adapters };
        const key = JSON.stringify(request);
        if (this.#loaded[voice]?.key === key) continue;
        this.#loaded[voice] = null;
        const { weights: loaded } = await call('chat.load', request);
        this.#loaded[voice] = { key, label: loaded.label };
      }
      this.#died = null;
      return true;
    } catch (error) {
      this.#error = error;
      return false;
    } finally {
      this.#isLoading = false;
    }
  }

  /** Asks both voices the same, after loading what they need. @returns whether they were asked */
  async ask(prompt: string, weights: PlaygroundWeights): Promise<boolean> {
    if (!(await this.load(weights))) return false;
    const labels = { base: this.#loaded.base?.label ?? null, tuned: this.#loaded.tuned?.label ?? null };
    const turn = newTurn(crypto.randomUUID(), prompt, labels);
    this.#turns = [...this.#turns, turn];
    const system = this.system.trim();
    const messages = [
      ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user' as const, content: prompt },
    ];
    const { sampling, max_tokens } = this;
    await Promise.all(
      VOICES.map(async (voice) => {
        const { ask_id } = turn.answers[voice];
        try {
          await call('chat.ask', { ask_id, voice, messages, sampling, max_tokens });
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          const { code, message, hint, details } = error;
          this.#turns = onRefused(this.#turns, ask_id, { code, message, hint, details });
        }
      }),
    );
    return true;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#open.map((ask_id) => call('chat.stop', { ask_id })));
  }

  clear(): void {
    this.#turns = [];
  }
}

/** Ends an answer whose end will not be heard. */
function endHere(turns: readonly Turn[], ask_id: string): readonly Turn[] {
  return turns.map((turn) => {
    const voice = VOICES.find((one) => turn.answers[one].ask_id === ask_id);
    if (voice === undefined) return turn;
    return { ...turn, answers: { ...turn.answers, [voice]: { ...turn.answers[voice], state: 'stopped' as const } } };
  });
}

export const playground = new PlaygroundState();

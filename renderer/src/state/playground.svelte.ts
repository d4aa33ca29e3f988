import type { ChatSampling, IpcError, IpcResponse, LoadedWeights, RecentModel } from '../../../main/contracts/ipc.ts';
import { ApiError, call, on } from '../api/bridge.svelte.ts';
import {
  isWaiting,
  newTurn,
  onBegun,
  onDied,
  onDone,
  onGivenUp,
  onRefused,
  onToken,
  openAsks,
  VOICES,
  type Turn,
  type Voice,
} from './playground.ts';
import { voicesOf, type WeightsChoice } from './weights-choice.ts';

export const DEFAULT_SAMPLING: Readonly<ChatSampling> = {
  temperature: 0,
  top_p: 0.95,
  top_k: 40,
  min_p: 0.05,
  repeat_penalty: 1,
  seed: 42,
};
export const DEFAULT_LENGTHS = { max_tokens: 256, n_ctx: 2048 } as const;

export type RowExample = IpcResponse<'runs.examples'>[number];
/** How many rows are offered to ask. */
const EXAMPLES = 3;

interface Loaded {
  /** The request, as text to compare. */
  key: string;
  weights: LoadedWeights;
}

/** The playground's choices and answers; they stay while one looks at other screens. */
class PlaygroundState {
  #turns = $state.raw<readonly Turn[]>([]);
  #recent = $state.raw<readonly RecentModel[]>([]);
  #isRecentLoaded = $state(false);
  #isLoading = $state(false);
  #died = $state.raw<IpcError | null>(null);
  #error = $state.raw<unknown>(null);
  #examples = $state.raw<readonly RowExample[]>([]);
  #systemOfRows = $state('');
  #lookedAt: string | null = null;
  #loaded: Record<Voice, Loaded | null> = { base: null, tuned: null };
  /** Who waits for the end of an answer. */
  readonly #ends = new Map<string, () => void>();
  readonly #open = $derived(openAsks(this.#turns));

  choice = $state.raw<WeightsChoice | null>(null);
  sampling = $state<ChatSampling>({ ...DEFAULT_SAMPLING });
  max_tokens = $state<number>(DEFAULT_LENGTHS.max_tokens);
  n_ctx = $state<number>(DEFAULT_LENGTHS.n_ctx);
  system = $state('');
  prompt = $state('');

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** Models used lately, to choose a base from. */
  get recent(): readonly RecentModel[] {
    return this.#recent;
  }

  get isRecentLoaded(): boolean {
    return this.#isRecentLoaded;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  /** What some rows of the tuned run's dataset ask. */
  get examples(): readonly RowExample[] {
    return this.#examples;
  }

  /** The system prompt is that of the rows, and not one that the person wrote. */
  get isSystemOfRows(): boolean {
    return this.system !== '' && this.system === this.#systemOfRows;
  }

  /**
   * Reads what a run's rows ask, and takes over their system prompt unless the person wrote another: a model that was tuned
   * under one may have nothing to say without it.
   */
  async lookAt(run_id: string | null): Promise<void> {
    if (run_id === this.#lookedAt) return;
    this.#lookedAt = run_id;
    // The dataset may be gone: then there is nothing to offer, and nothing is wrong.
    const examples = run_id === null ? [] : await call('runs.examples', { run_id, limit: EXAMPLES }).catch(() => []);
    if (run_id !== this.#lookedAt) return;
    this.#examples = examples;
    const system = examples[0]?.system ?? '';
    const isShared = examples.every((one) => one.system === system);
    if (this.system === this.#systemOfRows) this.system = isShared ? system : '';
    this.#systemOfRows = isShared ? system : '';
  }

  /** An answer is being written, or waits for its turn. */
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
      on('chat.done', (event) => {
        this.#turns = onDone(this.#turns, event);
        this.#ended(event.ask_id);
      }),
      on('chat.died', ({ error }) => {
        const last = this.#turns.at(-1);
        // What was not answered whole is there to be asked again.
        if (this.isWriting && this.prompt === '' && last !== undefined) this.prompt = last.prompt;
        this.#turns = onDied(this.#turns, error);
        this.#loaded = { base: null, tuned: null };
        this.#died = error;
        this.#endAll();
      }),
    ];
    void call('models.recent').then((recent) => {
      this.#recent = recent;
      this.#isRecentLoaded = true;
    });
    return () => {
      void this.stop();
      this.#turns = onGivenUp(this.#turns, this.#open);
      for (const stop of stops) stop();
      this.#endAll();
      for (const voice of VOICES) if (this.#loaded[voice] !== null) void call('chat.unload', { voice });
      this.#loaded = { base: null, tuned: null };
    };
  }

  /** Loads what is not loaded yet. @returns the weights of each voice; null when they could not be loaded */
  async load(choice: WeightsChoice): Promise<Partial<Record<Voice, LoadedWeights>> | null> {
    this.#isLoading = true;
    this.#error = null;
    const wanted = voicesOf(choice);
    const found: Partial<Record<Voice, LoadedWeights>> = {};
    try {
      for (const voice of VOICES) {
        const weights = wanted[voice];
        if (weights === null) continue;
        const request = {
          voice,
          model_path: weights.model_path,
          n_ctx: this.n_ctx,
          adapters: [...weights.adapters],
        };
        const key = JSON.stringify(request);
        if (this.#loaded[voice]?.key !== key) {
          this.#loaded[voice] = null;
          this.#loaded[voice] = { key, weights: (await call('chat.load', request)).weights };
        }
        found[voice] = this.#loaded[voice].weights;
      }
      this.#died = null;
      return found;
    } catch (error) {
      // Told by chat.died already.
      if (!(error instanceof ApiError && error.code === 'chat_crashed')) this.#error = error;
      return null;
    } finally {
      this.#isLoading = false;
    }
  }

  /**
   * Asks the voices the same, one after the other, after loading what they need.
   * @returns whether they are asked; their answers come later
   */
  async ask(prompt: string, choice: WeightsChoice): Promise<boolean> {
    const weights = await this.load(choice);
    if (weights === null) return false;
    const turn = newTurn(crypto.randomUUID(), prompt, weights);
    this.#turns = [...this.#turns, turn];
    void this.#writeInTurn(turn);
    return true;
  }

  /** Ends what is being written, and lets what waits be. */
  async stop(): Promise<void> {
    const open = this.#open;
    const waiting = open.filter((ask_id) => isWaiting(this.#turns, ask_id));
    this.#turns = onGivenUp(this.#turns, waiting);
    await Promise.all(
      open.filter((ask_id) => !waiting.includes(ask_id)).map((ask_id) => call('chat.stop', { ask_id })),
    );
  }

  clear(): void {
    this.#turns = [];
  }

  resetSampling(): void {
    this.sampling = { ...DEFAULT_SAMPLING };
    this.max_tokens = DEFAULT_LENGTHS.max_tokens;
    this.n_ctx = DEFAULT_LENGTHS.n_ctx;
  }

  async #writeInTurn({ prompt, answers }: Turn): Promise<void> {
    const system = this.system.trim();
    const messages = [
      ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user' as const, content: prompt },
    ];
    const { sampling, max_tokens } = $state.snapshot({ sampling: this.sampling, max_tokens: this.max_tokens });
    for (const voice of VOICES) {
      const ask_id = answers[voice]?.ask_id;
      if (ask_id === undefined || !isWaiting(this.#turns, ask_id)) continue;
      this.#turns = onBegun(this.#turns, ask_id);
      const end = new Promise<void>((resolve) => this.#ends.set(ask_id, resolve));
      try {
        await call('chat.ask', { ask_id, voice, messages, sampling, max_tokens });
        await end;
      } catch (error) {
        this.#ends.delete(ask_id);
        if (!(error instanceof ApiError)) throw error;
        const { code, message, hint, details } = error;
        this.#turns = onRefused(this.#turns, ask_id, { code, message, hint, details });
      }
    }
  }

  #ended(ask_id: string): void {
    this.#ends.get(ask_id)?.();
    this.#ends.delete(ask_id);
  }

  #endAll(): void {
    for (const ask_id of [...this.#ends.keys()]) this.#ended(ask_id);
  }
}

export const playground = new PlaygroundState();

import type { AdapterSource, IpcError, IpcEvent, LoadedWeights } from '../../../main/contracts/ipc.ts';

/** The two that answer: the model as it was given, and with what was trained. */
export const VOICES = ['base', 'tuned'] as const;
export type Voice = (typeof VOICES)[number];

export interface Answer {
  ask_id: string;
  text: string;
  /** `waiting`: the other one writes first, since both at once would fight for the cores. */
  state: 'waiting' | 'writing' | 'done' | 'stopped' | 'failed';
  /** What writes it. */
  weights: LoadedWeights;
  tokens: number | null;
  duration_ms: number | null;
  /** It ended because it was long enough, not because it was finished. */
  is_cut: boolean;
  error: IpcError | null;
}

/** One prompt, with the answer of each voice that was asked; with no tuned weights only the base is. */
export interface Turn {
  id: string;
  prompt: string;
  answers: Partial<Record<Voice, Answer>>;
}

/** A prompt that these voices are asked, one after the other: all answers still wait. */
export function newTurn(id: string, prompt: string, weights: Partial<Record<Voice, LoadedWeights>>): Turn {
  const answers: Turn['answers'] = {};
  for (const voice of VOICES) {
    const own = weights[voice];
    if (own === undefined) continue;
    answers[voice] = {
      ask_id: `${id}-${voice}`,
      text: '',
      state: 'waiting',
      weights: own,
      tokens: null,
      duration_ms: null,
      is_cut: false,
      error: null,
    };
  }
  return { id, prompt, answers };
}

/** An answer is being written now. */
export function onBegun(turns: readonly Turn[], ask_id: string): readonly Turn[] {
  return changed(turns, ask_id, (answer) => ({ ...answer, state: 'writing' }));
}

/** Adds a piece of an answer; what comes after its end, or for no answer here, changes nothing. */
export function onToken(turns: readonly Turn[], { ask_id, text }: IpcEvent<'chat.token'>): readonly Turn[] {
  return changed(turns, ask_id, (answer) => ({ ...answer, state: 'writing', text: answer.text + text }));
}

/** Ends an answer. */
export function onDone(
  turns: readonly Turn[],
  { ask_id, weights, result, error }: IpcEvent<'chat.done'>,
): readonly Turn[] {
  return changed(turns, ask_id, (answer) => {
    if (result === null) return { ...answer, state: 'failed', weights, error };
    return {
      ...answer,
      text: result.text,
      state: result.stop_reason === 'stopped' ? 'stopped' : 'done',
      is_cut: result.stop_reason === 'max_tokens',
      weights,
      tokens: result.tokens,
      duration_ms: result.duration_ms,
    };
  });
}

/** Fails an answer that could not be begun. */
export function onRefused(turns: readonly Turn[], ask_id: string, error: IpcError): readonly Turn[] {
  return changed(turns, ask_id, (answer) => ({ ...answer, state: 'failed', error }));
}

/** Ends answers whose end will not be heard, or that are not to begin any more. */
export function onGivenUp(turns: readonly Turn[], ask_ids: readonly string[]): readonly Turn[] {
  return ask_ids.reduce((now, ask_id) => changed(now, ask_id, (answer) => ({ ...answer, state: 'stopped' })), turns);
}

/** The chat's process ended: what was being written stays as far as it came, what waited is not written. */
export function onDied(turns: readonly Turn[], error: IpcError): readonly Turn[] {
  return openAsks(turns).reduce((now, ask_id) => onRefused(now, ask_id, error), turns);
}

/** The answers that are being written or wait to be. */
export function openAsks(turns: readonly Turn[]): string[] {
  return turns.flatMap((turn) =>
    answersOf(turn)
      .filter(isOpen)
      .map(({ ask_id }) => ask_id),
  );
}

/** Whether an answer still waits for its turn: it may have been stopped or have failed meanwhile. */
export function isWaiting(turns: readonly Turn[], ask_id: string): boolean {
  return turns.some((turn) => answersOf(turn).some((one) => one.ask_id === ask_id && one.state === 'waiting'));
}

/** A checkpoint as a select has it: `final`, `best`, `last` or a step. */
export function checkpointOf(value: string): Extract<AdapterSource, { kind: 'run' }>['checkpoint'] {
  return value === 'final' || value === 'best' || value === 'last' ? value : Number(value);
}

const isOpen = ({ state }: Answer) => state === 'waiting' || state === 'writing';

function answersOf(turn: Turn): Answer[] {
  return VOICES.flatMap((voice) => turn.answers[voice] ?? []);
}

function changed(turns: readonly Turn[], ask_id: string, change: (answer: Answer) => Answer): readonly Turn[] {
  const index = turns.findLastIndex((turn) => answersOf(turn).some((answer) => answer.ask_id === ask_id));
  const turn = turns[index];
  const voice = VOICES.find((one) => turn?.answers[one]?.ask_id === ask_id);
  const answer = voice === undefined ? undefined : turn?.answers[voice];
  if (turn === undefined || voice === undefined || answer === undefined || !isOpen(answer)) return turns;
  return turns.with(index, { ...turn, answers: { ...turn.answers, [voice]: change(answer) } });
}

import type { AdapterSource, IpcError, IpcEvent } from '../../../main/contracts/ipc.ts';

/** The two that answer: the model as it was given, and with what was trained. */
export const VOICES = ['base', 'tuned'] as const;
export type Voice = (typeof VOICES)[number];

export interface Answer {
  ask_id: string;
  text: string;
  state: 'writing' | 'done' | 'stopped' | 'failed';
  /** Which weights wrote it; null until it is known. */
  label: string | null;
  tokens: number | null;
  duration_ms: number | null;
  /** It ended because it was long enough, not because it was finished. */
  is_cut: boolean;
  error: IpcError | null;
}

/** One prompt, with the answer of each voice. */
export interface Turn {
  id: string;
  prompt: string;
  answers: Record<Voice, Answer>;
}

/** A prompt that both voices were just asked. */
export function newTurn(id: string, prompt: string, labels: Record<Voice, string | null>): Turn {
  const answer = (voice: Voice): Answer => ({
    ask_id: `${id}-${voice}`,
    text: '',
    state: 'writing',
    label: labels[voice],
    tokens: null,
    duration_ms: null,
    is_cut: false,
    error: null,
  });
  return { id, prompt, answers: { base: answer('base'), tuned: answer('tuned') } };
}

/** Adds a piece of an answer; what comes after its end, or for no answer here, changes nothing. */
export function onToken(turns: readonly Turn[], { ask_id, text }: IpcEvent<'chat.token'>): readonly Turn[] {
  return changed(turns, ask_id, (answer) => ({ ...answer, text: answer.text + text }));
}

/** Ends an answer. */
export function onDone(
  turns: readonly Turn[],
  { ask_id, weights, result, error }: IpcEvent<'chat.done'>,
): readonly Turn[] {
  return changed(turns, ask_id, (answer) => {
    if (result === null) return { ...answer, state: 'failed', label: weights.label, error };
    return {
      ...answer,
      text: result.text,
      state: result.stop_reason === 'stopped' ? 'stopped' : 'done',
      is_cut: result.stop_reason === 'max_tokens',
      label: weights.label,
      tokens: result.tokens,
      duration_ms: result.duration_ms,
    };
  });
}

/** Fails an answer that could not be begun. */
export function onRefused(turns: readonly Turn[], ask_id: string, error: IpcError): readonly Turn[] {
  return changed(turns, ask_id, (answer) => ({ ...answer, state: 'failed', error }));
}

/** The chat's process ended: what was being written stays as far as it came. */
export function onDied(turns: readonly Turn[], error: IpcError): readonly Turn[] {
  return openAsks(turns).reduce((now, ask_id) => onRefused(now, ask_id, error), turns);
}

/** The answers that are being written. */
export function openAsks(turns: readonly Turn[]): string[] {
  return turns.flatMap((turn) =>
    VOICES.map((voice) => turn.answers[voice])
      .filter((answer) => answer.state === 'writing')
      .map((answer) => answer.ask_id),
  );
}

function changed(turns: readonly Turn[], ask_id: string, change: (answer: Answer) => Answer): readonly Turn[] {
  const index = turns.findLastIndex((turn) => VOICES.some((voice) => turn.answers[voice].ask_id === ask_id));
  const turn = turns[index];
  const voice = VOICES.find((one) => turn?.answers[one].ask_id === ask_id);
  if (turn === undefined || voice === undefined || turn.answers[voice].state !== 'writing') return turns;
  return turns.with(index, { ...turn, answers: { ...turn.answers, [voice]: change(turn.answers[voice]) } });
}

/** A checkpoint as a select has it: `final`, `best`, `last` or a step. */
export function checkpointOf(value: string): Extract<AdapterSource, { kind: 'run' }>['checkpoint'] {
  return value === 'final' || value === 'best' || value === 'last' ? value : Number(value);
}

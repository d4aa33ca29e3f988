import { cut } from './prompt.ts';
import type { Turns } from './turns.ts';

/**
 * Turns that begin with a system text where a conversation brings none: for texts that a Modelfile's SYSTEM can't hold.
 * @returns null where the template was never seen with one
 */
export function withSystem(turns: Turns, system_prompt: string): Turns | null {
  const { '>system': system, 'system>user': asked, 'system>assistant': answered } = turns.steps;
  if (turns.late_system) return { ...turns, late_default: system_prompt };
  if (system === undefined || asked === undefined) return null;
  const steps = { ...turns.steps };
  for (const [key, step] of [
    ['>user', asked],
    ['>assistant', answered ?? asked],
  ] as const)
    // prettier-ignore
    steps[key] = { ...step, before: [...system.before, cut(system_prompt, system), ...step.before] };
  return { ...turns, steps };
}

/** What a learning-rate schedule needs to know; names as in native/protocol. */
export interface ScheduleSettings {
  /** Peak learning rate. */
  learning_rate: number;
  lr_scheduler: 'linear' | 'cosine' | 'constant';
  warmup_steps: number;
  warmup_ratio: number;
}

/**
 * Steps over which the learning rate rises: `warmup_steps`, or the share `warmup_ratio` of all steps, rounded up. A run of one
 * step has none: the first step of a warmup has rate 0, so the run would learn nothing.
 * Source: transformers, TrainingArguments.get_warmup_steps.
 */
export function warmupSteps(settings: ScheduleSettings, totalSteps: number): number {
  if (totalSteps <= 1) return 0;
  const { warmup_steps, warmup_ratio } = settings;
  return warmup_steps > 0 ? warmup_steps : Math.ceil(totalSteps * warmup_ratio);
}

/**
 * The learning rate that step `step` is done with.
 *
 * With s = step - 1 steps done before, W steps of warmup, S in all and peak η:
 *   s < W     η · s / max(1, W)
 *   linear    η · max(0, (S - s) / max(1, S - W))
 *   cosine    η · max(0, ½ (1 + cos(π · (s - W) / max(1, S - W))))
 *   constant  η
 * so the first step of a warmup has rate 0. Source: transformers, optimization.py, get_{linear,cosine,constant}_schedule_with_warmup.
 *
 * @param step from 1 to totalSteps
 */
export function learningRate(settings: ScheduleSettings, step: number, totalSteps: number): number {
  const peak = settings.learning_rate;
  const done = step - 1;
  const warmup = warmupSteps(settings, totalSteps);
  if (done < warmup) return (peak * done) / Math.max(1, warmup);
  const rest = Math.max(1, totalSteps - warmup);
  switch (settings.lr_scheduler) {
    case 'linear':
      return peak * Math.max(0, (totalSteps - done) / rest);
    case 'cosine':
      return peak * Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (done - warmup)) / rest)));
    case 'constant':
      return peak;
  }
}

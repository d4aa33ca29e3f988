/**
 * The native trainer as a process of its own: start it with a job, follow its events, tell it to pause or stop.
 *
 *   const scored = await runJob(completeJob('score', { model_path, tokens_path }));
 */
export { locateTrainer } from './locate.ts';
export {
  killTrainers,
  runJob,
  startTrainer,
  type Finished,
  type TrainerCommand,
  type TrainerOptions,
  type TrainerProcess,
} from './trainer-process.ts';

import { createFormat } from '../format.ts';

const format = createFormat('en');

export const nav = {
  label: 'Screens',
  skip: 'Skip to the content',
  start: 'Start',
  newRun: 'New fine-tune',
  runs: 'Runs',
  queue: 'Queue',
  playground: 'Playground',
  exportPage: 'Export',
  settings: 'Settings',
  progressOf: (name: string) => `Progress of ${name}`,
  waiting: (count: number) => format.plural(count, { one: 'One run queued', other: '# runs queued' }),
  paused: 'Paused',
  preparing: 'Preparing…',
};

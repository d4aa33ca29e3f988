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
  paused: 'Paused',
  preparing: 'Preparing…',
};

import type { Messages } from '../i18n.svelte.ts';

export const nav: Messages['nav'] = {
  label: 'Pantallas',
  skip: 'Ir al contenido',
  start: 'Inicio',
  newRun: 'Nuevo ajuste fino',
  runs: 'Entrenamientos',
  queue: 'Cola',
  playground: 'Probar',
  exportPage: 'Exportar',
  settings: 'Configuración',
  progressOf: (name) => `Progreso de ${name}`,
  paused: 'En pausa',
  preparing: 'Preparando…',
};

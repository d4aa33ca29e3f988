import { createFormat } from '../format.ts';
import type { Messages } from '../i18n.svelte.ts';

const format = createFormat('es');

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
  waiting: (count) => format.plural(count, { one: 'Uno en cola', other: '# en cola' }),
  paused: 'En pausa',
  preparing: 'Preparando…',
};

import type { Messages } from '../i18n.svelte.ts';

export const queue: Messages['queue'] = {
  title: 'Cola',
  subtitle: 'Los entrenamientos empiezan uno tras otro. Si uno falla, el siguiente empieza igual.',
  now: 'En marcha',
  waiting: 'En espera',
  empty: 'No hay nada en cola',
  emptyText: 'Si inicias un entrenamiento mientras otro está en marcha, espera aquí su turno.',
  nothingRuns: 'No hay nada en marcha.',
  open: 'Abrir el entrenamiento',
  place: (place) => `Posición ${place}`,
  up: (name) => `Subir ${name}`,
  down: (name) => `Bajar ${name}`,
  remove: (name) => `Quitar ${name} de la cola`,
  removed: (name) => `«${name}» ya no está en la cola`,
  movedTo: (name, place) => `${name} es ahora el número ${place}`,
  failed: 'No se pudo cambiar la cola',
  timeLeft: (time) => `faltan aprox. ${time}`,
};

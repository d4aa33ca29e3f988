import type { Messages } from '../i18n.svelte.ts';

export const runWords: Messages['runWords'] = {
  status: {
    queued: 'En cola',
    preparing: 'Preparando',
    training: 'Entrenando',
    stopped: 'Detenido',
    completed: 'Terminado',
    failed: 'Falló',
  },
  interrupted: 'Interrumpido',
  paused: 'En pausa',
  phase: {
    reading_model: 'Leyendo el modelo',
    hashing_model: 'Calculando la huella del modelo',
    reading_dataset: 'Leyendo los datos',
    loading_model: 'Cargando el modelo',
    preparing: 'Preparando',
    training: 'Entrenando',
    validating: 'Validando',
    sampling: 'Respondiendo preguntas',
    paused: 'En pausa',
    stopping: 'Deteniendo',
  },
  stepsOf: (steps, total) => `paso ${steps} de ${total}`,
  loss: 'Pérdida',
  trainLoss: 'Pérdida de entrenamiento',
  valLoss: 'Pérdida de validación',
  notStarted: 'aún no ha empezado',
  /** Its trainer outlived the app and still writes. */
  awaitsTrainer: 'Esperando su último punto de control…',
};

import { createFormat } from '../format.ts';
import type { Messages } from '../i18n.svelte.ts';

const format = createFormat('es');

export const exportPage: Messages['exportPage'] = {
  title: 'Exportar',
  subtitle: 'Saca de Forja lo que entrenaste, en el formato que necesitas.',
  noRuns: 'Aún no hay nada que exportar',
  noRunsText: 'Entrena primero un modelo. Puedes exportar cualquier entrenamiento con adaptador o punto de control.',
  what: 'Qué exportar',
  run: 'Entrenamiento',
  checkpoint: 'Punto de control',
  checkpointHelp: 'El final es tras el último paso. El mejor, cuando más acertó en filas que nunca vio.',
  final: 'Final',
  best: 'Mejor validación',
  step: (step) => `Paso ${step}`,
  format: 'Formato',
  formats: {
    gguf: 'GGUF fusionado',
    'gguf-adapter': 'Adaptador GGUF',
    peft: 'Carpeta PEFT',
    ollama: 'Ollama',
  },
  formatTexts: {
    gguf: 'Un archivo con la base y el adaptador fusionados. Se abre en llama.cpp, LM Studio y todo lo que lee GGUF.',
    'gguf-adapter': 'Solo el adaptador, pequeño, para usarlo en llama.cpp junto a su modelo base.',
    peft: 'El adaptador como carpeta para PEFT de Hugging Face, para seguir en Python.',
    ollama: 'Un GGUF fusionado con un Modelfile al lado, para «ollama create».',
  },
  refusedTitle: (format) => `${format}: no para este entrenamiento`,
  refused: (method) =>
    `llama.cpp no tiene adaptadores del método ${method}. Exporta el GGUF combinado, que tiene todo lo aprendido, o la carpeta PEFT.`,
  type: 'Tipo de los pesos',
  typeHelp: 'Los tipos más pequeños ocupan menos memoria y conservan menos de lo aprendido.',
  auto: 'El más pequeño que conserve al menos el 95 % (recomendado)',
  autoHelp:
    'Se prueban tipos en tus filas, del archivo más pequeño al más grande. Se toma el primero que conserve al menos el 95 % de lo aprendido.',
  triedTypes: 'Tipos probados',
  fileSize: 'Tamaño del archivo',
  keptShare: 'Conservado',
  keptShareHelp: 'Cuánta de la mejora en pérdida sigue ahí: (base − exportado) / (base − ajustado).',
  taken: 'elegido',
  notTried: 'sin probar',
  same: 'Como la base',
  typeName: (type) => (type === 'same' ? 'Tipo de la base' : type.toUpperCase()),
  size: (size) => `El archivo ocupará ${size}.`,
  check: 'Comprobar el resultado',
  checkHelp: (answers) =>
    `Carga lo que se escribió, lo compara con el modelo ajustado en tus filas${answers > 0 ? ` y contrasta ${format.plural(answers, { one: '# respuesta', other: '# respuestas' })}` : ''}.`,
  checkTime: (time) =>
    `Tarda ${time} aproximadamente. Mientras tanto puedes usar el archivo, u omitir la comprobación.`,
  checking: 'Comprobando',
  skipCheck: 'Omitir la comprobación',
  readyText: 'El archivo está completo y puede usarse mientras se comprueba.',
  checkFailed: 'La comprobación falló. El archivo exportado está completo, pero no se sabe nada de su calidad.',
  left: (time) => `faltan ${time} aproximadamente`,
  answers: {
    title: (same, compared) =>
      `${format.integer(same)} de ${format.plural(compared, { one: '# respuesta es igual', other: '# respuestas son iguales' })} que en Forja`,
    same: 'Se preguntó al modelo exportado con el mismo mensaje que enviarán sus usuarios.',
    differs:
      'Se preguntó al modelo exportado con el mismo mensaje que enviarán sus usuarios. Donde responde distinto, el redondeo de sus pesos cambió el resultado; con un tipo más grande se acerca más.',
    promptDiffers: 'Otros programas no le preguntarán como se entrenó',
    promptDiffersText: (same, compared) =>
      `Lo que envían con la plantilla de chat del archivo no es lo que se entrenó con tus filas: ${format.integer(same)} de ${format.plural(compared, { one: '# respuesta es igual', other: '# respuestas son iguales' })} que en Forja. Exporta para Ollama, cuyo Modelfile lleva la plantilla entrenada, o entrena con la plantilla del propio modelo y la misma instrucción de sistema en todas las filas.`,
    show: (count) =>
      format.plural(count, { one: 'Ver la respuesta distinta', other: 'Ver las # respuestas distintas' }),
    tuned: 'En Forja',
    exported: 'Exportado',
  },
  useIn: {
    title: 'Úsalo en…',
    programs: { ollama: 'Ollama', lmstudio: 'LM Studio', llamacpp: 'llama.cpp', jan: 'Jan' },
    steps: {
      ollama_write:
        'Guarda esto como archivo de texto junto al exportado, con su nombre y la terminación «.Modelfile»:',
      ollama_turns_vary:
        'Ollama no le preguntará como se entrenó: el texto entre los turnos de su plantilla no es siempre el mismo, y las plantillas de Ollama no pueden expresarlo. Usa llama.cpp o LM Studio, que toman la plantilla del archivo.',
      ollama_shape_differs:
        'Ollama no le preguntará como se entrenó: su plantilla hace con algunas conversaciones lo que las plantillas de Ollama no pueden. Usa llama.cpp o LM Studio, que toman la plantilla del archivo.',
      ollama_create: 'Entrégaselo a Ollama:',
      ollama_run: 'Habla con él:',
      lms_import: 'Añade el archivo a la biblioteca de LM Studio («lms» viene con LM Studio):',
      lms_load: 'Elígelo en el menú de modelos de la pestaña Chat.',
      llama_cli: 'Habla con él en una terminal:',
      llama_server: 'O sírvelo, con una página en http://localhost:8080:',
      jan_import: 'En Jan, abre Ajustes › Proveedores de modelos › Llama.cpp › Importar y elige este archivo:',
      jan_choose: 'Inícialo allí y elígelo en un chat nuevo.',
      set_system: 'Pon esto como instrucción de sistema: se entrenó con ella, y solo con ella responde como aprendió.',
      no_adapters: 'Este programa no admite adaptadores. Exporta para él un GGUF fusionado.',
      peft: 'En Python, con la base de Hugging Face de la que se hizo el GGUF:',
    },
  },
  start: 'Exportar…',
  typesFailed: 'No se pudieron listar los tipos',
  startFailed: 'No se pudo empezar a exportar',
  failed: 'La exportación falló',
  working: 'Exportando',
  phases: {
    loading_model: 'Cargando el modelo',
    calibrating: 'Aprendiendo qué importa a cada peso',
    trying_types: 'Probando tipos',
    exporting: 'Escribiendo',
    verifying: 'Comprobando',
    preparing: 'Preparando',
    scoring: 'Comprobando',
    comparing: 'Comparando respuestas',
  },
  done: 'Exportado',
  doneText: (type, size, time) => `${type}, ${size}, en ${time}`,
  result: 'La comprobación',
  model: 'Modelo',
  loss: 'Pérdida',
  perplexity: 'Perplejidad',
  divergence: 'Distancia del ajustado',
  divergenceHelp:
    'Cuánto difiere del modelo ajustado al elegir las palabras (divergencia KL). 0 es ninguna diferencia.',
  baseRow: 'Base',
  tunedRow: 'Ajustado (base + adaptador)',
  exportRow: 'Exportado',
  verdicts: { kept: 'Conservado', degraded: 'Degradado', lost: 'Perdido', nothing_learned: 'No se aprendió nada' },
  advice: {
    kept: 'El modelo exportado hace lo mismo que el ajustado.',
    degraded: 'Se perdió parte de lo aprendido. Si te importa, elige un tipo más grande, como Q8_0.',
    lost: 'Se perdió casi todo lo aprendido. Elige un tipo más grande, como Q8_0 o F16, o exporta solo el adaptador.',
    nothing_learned:
      'El modelo ajustado predice lo mismo que su base. Entrena otra vez con una tasa de aprendizaje más alta, más pasos o más filas.',
  },
  recovered: (share) => `Se conservó el ${share} de la mejora.`,
  rows: (rows, held_out) =>
    held_out
      ? `Medido en ${rows} filas apartadas del entrenamiento.`
      : `Medido en ${rows} filas de los datos de entrenamiento.`,
  notChecked: 'No se comprobó: no se sabe cuánto se conservó de lo aprendido.',
  earlier: 'Exportaciones anteriores de este entrenamiento',
  none: 'Aún no hay exportaciones',
  noneText: 'Aquí verás lo que exportes de este entrenamiento.',
  file: 'Archivo',
  when: 'Cuándo',
  verdict: 'Comprobación',
  gone: 'ya no está',
  actions: 'Acciones',
  list: 'Lista de exportaciones',
};

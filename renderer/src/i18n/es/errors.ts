import type { TranslatedErrors } from '../error-codes.ts';

const REBUILD = 'Ejecuta `npm run setup` para preparar Forja de nuevo.';
const OTHER_MODEL = 'Elige otro archivo GGUF, o descarga este de nuevo.';
const REPORT = 'Es un fallo de Forja. Copia el diagnóstico de Configuración e infórmanos.';
const LOWER_MEMORY = 'Baja max_seq_len o lora_rank, o cierra otros programas, y vuelve a intentarlo.';

/** Lo que puede ser un campo que no se usa. */
const FIELD_QUESTION: Record<string, string> = {
  reasoning: 'lo que se piensa antes de una respuesta',
  tools: 'las herramientas que el asistente puede usar',
  context: 'aquello de lo que trata la pregunta',
  history: 'turnos anteriores de la conversación',
  rating: 'una nota que dice qué respuestas son buenas',
  preference: 'una respuesta que se prefirió a otra',
  weight: 'cuánto se debe aprender un turno o una fila',
  system: 'una instrucción de sistema',
  media: 'una imagen u otro archivo, de los que no se aprende',
  split: 'a qué parte de los datos pertenece la fila',
  long_text: 'texto que la respuesta necesita',
};

/** Los errores, por su código. */
export const errors: TranslatedErrors = {
  // contracts
  usage: { message: 'La petición no es válida.', hint: REPORT },
  setting_invalid: {
    message: (d) => `Hay ajustes fuera de su rango: ${d('settings')}.`,
    hint: 'Corrige los ajustes que se nombran.',
  },
  file_not_found: {
    message: (d) => `No se encuentra el archivo ${d('path')}.`,
    hint: 'Comprueba que no se haya movido o borrado y elígelo de nuevo.',
  },
  out_dir_holds_run: {
    message: 'La carpeta ya contiene otro entrenamiento.',
    hint: 'Elige otra carpeta para los entrenamientos en Configuración.',
  },
  out_dir_not_empty: {
    message: 'La carpeta de destino no está vacía.',
    hint: 'Elige una carpeta vacía.',
  },
  out_dir_unwritable: {
    message: 'No se puede escribir en la carpeta de destino.',
    hint: 'Comprueba los permisos o elige otra carpeta en Configuración.',
  },
  run_not_found: { message: 'Ese entrenamiento ya no existe.', hint: 'Actualiza la lista de entrenamientos.' },
  run_file_invalid: {
    message: 'El archivo run.json del entrenamiento está dañado.',
    hint: 'No se puede continuar este entrenamiento; empieza uno nuevo con los mismos ajustes.',
  },
  run_in_use: {
    message: 'Otro proceso está usando este entrenamiento.',
    hint: 'Espera a que termine, o detenlo antes.',
  },
  evaluation_invalid: {
    message: (d) => `No se puede hacer la evaluación: falta «${d('setting')}» o no sirve (${d('reason')}).`,
    hint: 'Corrige lo que se nombra y evalúa otra vez.',
  },
  evaluation_rows_unfit: {
    message: (d) => `Ninguna fila de ${d('path')} se puede evaluar así.`,
    hint: 'Elige filas con las que no se haya entrenado. La opción múltiple necesita una pregunta, opciones (una lista, o columnas de la A a la D) y una respuesta.',
  },
  run_completed: { message: 'Este entrenamiento ya terminó.', hint: 'Empieza uno nuevo, o exporta su modelo.' },
  run_has_no_adapter: {
    message: 'Este entrenamiento todavía no tiene adaptador.',
    hint: 'Espera al primer punto de control.',
  },
  request_invalid: {
    message: (details) => `La ventana pidió algo que no se entiende (${details('channel')}).`,
    hint: 'Corrige lo que escribiste; si no escribiste nada, es un fallo de Forja: por favor, avísanos.',
  },
  path_not_allowed: {
    message: (details) => `Forja no tiene permiso para usar ${details('path')}.`,
    hint: 'Elígelo en el diálogo de archivos o suéltalo en la ventana.',
  },
  sender_unknown: {
    message: 'La llamada no viene de la ventana de Forja.',
    hint: 'Se rechazó.',
  },
  run_is_active: {
    message: 'Este entrenamiento está en marcha.',
    hint: 'Detenlo antes.',
  },
  run_not_active: { message: 'Este entrenamiento no está en marcha.', hint: 'Actualiza la lista de entrenamientos.' },
  run_not_waiting: { message: 'Este entrenamiento no está en la cola.', hint: 'Actualiza la cola.' },
  run_not_continuable: {
    message: 'Este entrenamiento no se puede continuar.',
    hint: 'Empieza un ajuste fino nuevo con los mismos ajustes.',
  },
  model_changed: {
    message: 'El modelo base ya no es el archivo con el que se entrenó.',
    hint: 'Devuelve el archivo original a su sitio, o empieza un ajuste fino nuevo.',
  },
  sample_model_unavailable: {
    message: 'No se pudo descargar el modelo de ejemplo.',
    hint: 'Comprueba la conexión y vuelve a intentarlo, o elige un modelo GGUF tuyo.',
  },
  trainer_missing: { message: 'Falta el programa de entrenamiento.', hint: REBUILD },
  trainer_unstartable: { message: 'El programa de entrenamiento no arranca.', hint: REBUILD },
  trainer_killed: {
    message: 'El sistema detuvo el entrenamiento, casi siempre por falta de memoria.',
    hint: LOWER_MEMORY,
  },
  trainer_crashed: {
    message: 'El programa de entrenamiento se cerró de forma inesperada.',
    hint: 'Reanuda desde el último punto de control; si se repite, copia el diagnóstico de Configuración.',
  },
  protocol_mismatch: { message: 'El programa de entrenamiento es de otra versión.', hint: REBUILD },
  protocol_violation: { message: 'El programa de entrenamiento respondió algo inesperado.', hint: REBUILD },
  database_from_future: {
    message: 'Los datos son de una versión más nueva de Forja.',
    hint: 'Actualiza Forja para abrirlos.',
  },
  access_denied: {
    message: 'El sistema no lo permite: falta permiso sobre un archivo o su carpeta.',
    hint: 'Comprueba de quién son y que se pueda escribir en el disco, o elige otra carpeta.',
  },
  database_corrupt: {
    message: 'La base de datos está dañada.',
    hint: 'Aparta el archivo y Forja empezará otro. Los ajustes finos siguen enteros en sus carpetas.',
  },
  database_locked: {
    message: (d) => `Otro programa usa la base de datos ${d('path')} y la tiene bloqueada.`,
    hint: 'Cierra ese programa (otra Forja, una copia de seguridad, un visor de bases de datos) y vuelve a empezar, o pon FORJA_DATA_DIR en otra carpeta.',
  },
  database_unavailable: {
    message: 'No se puede abrir la base de datos de Forja.',
    hint: 'Comprueba los permisos y el espacio libre de la carpeta de datos.',
  },
  disk_full: {
    message: 'El disco está lleno.',
    hint: 'Libera espacio y vuelve a intentarlo; un entrenamiento ya empezado se reanuda desde su último punto de control.',
  },
  internal: { message: 'Algo falló dentro de Forja.', hint: REPORT },

  // trainer: model files
  architecture_unsupported: {
    message: (d) => `Forja no sabe entrenar la arquitectura ${d('architecture')}.`,
    hint: 'Elige un modelo de una arquitectura compatible.',
  },
  gguf_bad_magic: { message: 'El archivo no es un modelo GGUF.', hint: 'Elige un archivo que termine en .gguf.' },
  gguf_bad_metadata: { message: 'Los metadatos del archivo GGUF no son válidos.', hint: OTHER_MODEL },
  gguf_bad_version: { message: 'El archivo GGUF es de una versión que Forja no lee.', hint: OTHER_MODEL },
  gguf_corrupt: { message: 'El archivo GGUF está dañado.', hint: OTHER_MODEL },
  gguf_split_missing: {
    message: 'Falta una parte de este modelo dividido.',
    hint: 'Pon todas sus partes en la misma carpeta, con sus nombres originales.',
  },
  gguf_truncated: {
    message: 'El archivo GGUF está incompleto: acaba antes de tiempo.',
    hint: 'Descárgalo de nuevo; la descarga se cortó.',
  },
  model_differs: {
    message: (d) =>
      `Forja calcula este modelo de otra manera que llama.cpp: pérdida ${d('ours')} frente a ${d('theirs')}.`,
    hint: 'El entrenamiento no serviría. Avísanos de qué modelo es y, mientras tanto, elige otro.',
  },
  model_no_tokenizer: { message: 'El modelo no trae su tokenizador.', hint: OTHER_MODEL },
  model_unloadable: { message: 'No se pudo cargar el modelo.', hint: OTHER_MODEL },
  model_unsupported: { message: 'Forja no sabe entrenar este modelo.', hint: 'Elige otro modelo.' },
  tensor_bad_shape: { message: 'El modelo tiene una matriz de tamaño inesperado.', hint: OTHER_MODEL },
  tensor_bad_type: {
    message: 'El modelo usa una cuantización con la que no se puede entrenar.',
    hint: 'Elige el mismo modelo con otra cuantización, como Q8_0 o Q4_K_M.',
  },
  tensor_missing: { message: 'Al modelo le falta una matriz.', hint: OTHER_MODEL },
  tokenizer_unusable: { message: 'No se puede usar el tokenizador del modelo.', hint: OTHER_MODEL },

  // trainer: training
  adapter_mismatch: {
    message: 'El adaptador es de otro modelo.',
    hint: 'Elige un adaptador hecho con este modelo base.',
  },
  file_changed: {
    message: 'Un archivo se acortó, o su disco falló, mientras se leía.',
    hint: 'Vuelve a poner el archivo como estaba y reanuda desde el último punto de control.',
  },
  backend_missing: { message: 'Falta la biblioteca de cálculo de este dispositivo.', hint: REBUILD },
  checkpoint_corrupt: {
    message: 'El punto de control está dañado.',
    hint: 'Bórralo y continúa desde uno anterior, o empieza de nuevo.',
  },
  checkpoint_missing: {
    message: 'No hay ningún punto de control desde el que continuar.',
    hint: 'Empieza un ajuste fino nuevo con los mismos ajustes.',
  },
  compute_failed: { message: 'Falló el cálculo en el dispositivo.', hint: 'Prueba con la CPU.' },
  device_failed: { message: 'El dispositivo dejó de responder.', hint: 'Prueba con otro dispositivo, o con la CPU.' },
  device_not_found: {
    message: (d) => `No se encuentra el dispositivo ${d('device')}.`,
    hint: 'Elige otro dispositivo.',
  },
  device_out_of_memory: { message: 'El dispositivo se quedó sin memoria.', hint: LOWER_MEMORY },
  loss_not_finite: {
    message: 'La pérdida dejó de ser un número: el entrenamiento se desbocó.',
    hint: 'Continúa con una tasa más baja: forja resume CARPETA --learning-rate NÚMERO.',
  },
  no_target_modules: {
    message: 'Ninguna de las capas elegidas existe en este modelo.',
    hint: 'Elige otras capas en target_modules.',
  },
  op_unsupported: {
    message: (d) => `${d('device')} no puede calcular la operación ${d('op')}, que este modelo necesita.`,
    hint: 'Entrena en la CPU o elige una base con otra cuantización.',
  },
  out_of_memory: { message: 'No queda memoria.', hint: LOWER_MEMORY },
  resume_mismatch: {
    message: 'El punto de control no corresponde a este entrenamiento.',
    hint: 'Reanuda con el mismo modelo, los mismos datos y el mismo rango.',
  },
  weights_not_finite: {
    message: 'El modelo contiene valores que no son números.',
    hint: OTHER_MODEL,
  },
  write_failed: { message: 'No se pudo escribir un archivo.', hint: 'Comprueba el espacio libre y los permisos.' },

  file_unreadable: {
    message: (d) => `No se puede leer el archivo ${d('path')}.`,
    hint: 'Comprueba los permisos.',
  },
  token_file_corrupt: {
    message: 'Los datos preparados de este entrenamiento están dañados.',
    hint: 'Empieza un ajuste fino nuevo con los mismos ajustes.',
  },
  token_file_truncated: {
    message: 'Los datos preparados de este entrenamiento están incompletos.',
    hint: 'Comprueba el espacio libre y empieza un ajuste fino nuevo con los mismos ajustes.',
  },

  job_invalid: {
    message: (d) => `El encargo al programa de entrenamiento no es válido: «${d('field')}».`,
    hint: 'Corrige ese ajuste; si no lo has cambiado tú, es un fallo de Forja.',
  },
  job_unreadable: {
    message: (d) => `El programa de entrenamiento no puede leer su encargo ${d('path')}.`,
    hint: 'Comprueba los permisos y el espacio libre de la carpeta del entrenamiento.',
  },
  method_unknown: {
    message: (d) => `No existe el método de ajuste ${d('method')}.`,
    hint: 'Elige uno de los métodos que ofrece Forja.',
  },
  row_too_long: {
    message: (d) =>
      `Una fila tiene más tokens de los que caben en un archivo preparado${d('row') === '' ? '' : ` (fila ${d('row')})`}.`,
    hint: 'Divide esa fila en varias.',
  },
  rows_invalid: {
    message: (d) => `Una fila preparada no tiene la forma esperada${d('line') === '' ? '' : ` (línea ${d('line')})`}.`,
    hint: REPORT,
  },
  token_file_bad_magic: {
    message: (d) => `${d('path')} no es un archivo de datos preparados.`,
    hint: 'Empieza un ajuste fino nuevo con los mismos ajustes.',
  },
  token_file_bad_version: {
    message: 'Los datos preparados son de otra versión de Forja.',
    hint: 'Empieza un ajuste fino nuevo con los mismos ajustes.',
  },
  token_file_vocab_mismatch: {
    message: 'Los datos se prepararon con el vocabulario de otro modelo.',
    hint: 'Empieza un ajuste fino nuevo con los mismos ajustes.',
  },

  // trainer: exports
  adapter_invalid: { message: 'El archivo no es un adaptador válido.', hint: 'Elige otro adaptador.' },
  peft_unsupported: {
    message: (d) => `Todavía no hay carpeta PEFT para la arquitectura ${d('architecture')}.`,
    hint: 'Exporta el adaptador como GGUF o el modelo combinado.',
  },
  export_unusable: { message: 'El modelo exportado no se puede cargar.', hint: 'Exporta de nuevo con otro tipo.' },
  nothing_to_verify: {
    message: 'No hay filas con las que comprobar la exportación.',
    hint: 'Entrena con filas de validación, o exporta sin comprobar.',
  },
  output_busy: {
    message: 'Otro programa está escribiendo en ese archivo.',
    hint: 'Espera a que termine, o elige otro nombre.',
  },
  output_exists: { message: 'Ya existe un archivo con ese nombre.', hint: 'Elige otro nombre.' },
  output_is_input: {
    message: 'El destino es el propio modelo base.',
    hint: 'Elige otro nombre para no sobrescribirlo.',
  },
  output_not_writable: {
    message: 'No se puede escribir en esa carpeta.',
    hint: 'Elige otra carpeta, o comprueba los permisos.',
  },

  export_format_unknown: {
    message: (d) => `No existe el formato de exportación ${d('format')}.`,
    hint: 'Elige gguf, gguf-adapter o peft.',
  },
  export_refused: {
    message: (d) =>
      d('architecture') === ''
        ? `Un resultado de ${d('method').toUpperCase()} no se puede guardar como ${d('format')}: llama.cpp no tiene adaptadores así.`
        : `Un adaptador de un modelo ${d('architecture')} no se puede guardar como ${d('format')}: llama.cpp se detiene al aplicarlo.`,
    hint: (d) =>
      d('architecture') === ''
        ? 'Exporta el modelo combinado (gguf) o una carpeta PEFT (peft).'
        : 'Exporta el modelo combinado (gguf).',
  },
  export_overflow: {
    message: 'Un peso ajustado es demasiado grande para el tipo de exportación.',
    hint: 'Exporta con otro tipo, como bf16 o q8_0.',
  },
  output_not_an_adapter_folder: {
    message: (d) => `La carpeta ${d('path')} contiene otros archivos que los de un adaptador.`,
    hint: 'Elige una carpeta nueva.',
  },
  output_type_unknown: {
    message: (d) => `No existe el tipo de exportación ${d('output_type')}.`,
    hint: 'Elige uno de los que muestra la pantalla de exportación.',
  },
  peft_invalid: {
    message: (d) =>
      d('path') === ''
        ? `PEFT no tiene nombre para el adaptador de ${d('tensor')}.`
        : `La carpeta ${d('path')} no es un adaptador PEFT válido.`,
    hint: 'Exporta el adaptador de nuevo, o como GGUF.',
  },
  safetensors_invalid: {
    message: (d) => `${d('path')} no es un archivo safetensors válido.`,
    hint: 'Exporta de nuevo el adaptador.',
  },

  // datasets
  dataset_cancelled: { message: 'Se canceló la lectura de los datos.', hint: '' },
  dataset_changed: {
    message: 'El archivo de datos cambió mientras se leía.',
    hint: 'Espera a que termine de escribirse y empieza de nuevo.',
  },
  dataset_column_missing: {
    message: 'En los datos falta una columna necesaria.',
    hint: 'Asigna las columnas, o cambia el formato.',
  },
  dataset_empty: {
    message: 'En los datos no queda ninguna fila de la que aprender.',
    hint: 'Mira las filas rechazadas y su motivo.',
  },
  dataset_encoding: { message: 'El archivo no está en UTF-8.', hint: 'Guárdalo de nuevo como UTF-8.' },
  dataset_format_unknown: {
    message: 'No se reconoce el formato de los datos.',
    hint: 'Elige el formato y asigna las columnas.',
  },
  dataset_kind_unsupported: {
    message: 'Forja no lee ese tipo de archivo.',
    hint: 'Usa un archivo .jsonl, .json, .csv o .txt.',
  },
  dataset_shape_unclear: {
    message: (d) => `No está claro qué parte de ${d('path')} son las filas. Contiene: ${d('found')}.`,
    hint: 'Escribe un objeto JSON por línea en un archivo .jsonl, o ponlos todos en una lista llamada «data».',
  },
  dataset_turns_as_rows: {
    message: (d) =>
      `Cada fila de ${d('path')} es un solo turno: «${d('speaker')}» junto a «${d('column')}». No se sabe qué turnos forman una conversación.`,
    hint: 'Pon todos los turnos de una conversación en una fila: {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.',
  },
  dataset_unfit_objective: {
    message: (d) =>
      `El objetivo ${d('objective')} aprende de filas con ${d('wanted')}; las primeras de ${d('path')} tienen ${d('found')}.`,
    hint: 'Elige datos de esa clase, di qué columna es cada parte, o aprende las respuestas mismas con el objetivo sft.',
  },
  rows_unfit_objective: {
    message: (d) => `El objetivo ${d('objective')} no puede aprender de ${d('path')}: sus filas son de otra clase.`,
    hint: 'Empieza de nuevo desde los datos.',
  },
  dataset_preference_pairs: {
    message: (d) =>
      `Las filas de ${d('path')} dicen qué respuestas se prefieren, y el objetivo sft aprende a dar cada respuesta.`,
    hint: 'Aprende de las preferencias con el objetivo dpo (kto si son respuestas sueltas con una marca). Para aprender solo las elegidas, cambia el nombre de «chosen» a «completion», o a «messages» si contiene turnos.',
  },
  dataset_not_found: {
    message: 'No se encuentra el archivo de datos.',
    hint: 'Comprueba que no se haya movido o borrado y elígelo de nuevo.',
  },
  dataset_unreadable: { message: 'No se puede leer el archivo de datos.', hint: 'Comprueba los permisos.' },
  template_invalid: {
    message: 'La plantilla de chat del modelo no se entiende.',
    hint: 'Elige la plantilla Alpaca.',
  },
  template_missing: { message: 'El modelo no trae plantilla de chat.', hint: 'Elige la plantilla Alpaca.' },

  // warnings of settings
  alpha_far_from_rank: {
    message: (d) =>
      `lora_alpha es ${d('lora_alpha')}, muy lejos de lora_rank (${d('lora_rank')}); escala el ajuste igual que la tasa de aprendizaje.`,
    hint: (d) => `El doble del rango, ${d('suggested')}, va bien con las tasas habituales.`,
  },
  few_steps: {
    message: (d) => `Solo serán ${d('total_steps')} pasos: pocos para aprender algo.`,
    hint: 'Baja gradient_accumulation_steps o micro_batch_size, o sube epochs.',
  },
  learning_rate_high: {
    message: (d) => `Con una tasa de ${d('learning_rate')} la pérdida suele dar saltos y el modelo olvida.`,
    hint: (d) => `Los adaptadores se entrenan así con tasas de ${d('least')} a ${d('most')}.`,
  },
  learning_rate_of_full_tuning: {
    message: (d) => `Una tasa de ${d('learning_rate')} es propia del ajuste completo: un adaptador apenas se mueve.`,
    hint: (d) => `Los adaptadores se entrenan así con tasas de ${d('least')} a ${d('most')}.`,
  },
  longer_than_context: {
    message: (d) => `max_seq_len es ${d('max_seq_len')}, y el modelo se hizo para ${d('n_ctx_train')} tokens.`,
    hint: (d) => `Bájalo a ${d('n_ctx_train')}.`,
  },
  longer_than_rows: {
    message: (d) => `max_seq_len es ${d('max_seq_len')}, y la fila más larga tiene ${d('max_tokens')} tokens.`,
    hint: (d) => `Basta con ${d('suggested')}, y se reserva menos memoria.`,
  },
  many_epochs: {
    message: (d) => `Las filas se recorren ${d('epochs')} veces: tras unas pocas, el modelo sobre todo memoriza.`,
    hint: 'Lo habitual es de una a tres.',
  },
  no_validation_rows: {
    message: 'No hay filas con las que validar.',
    hint: 'Elige un archivo de validación, o separa una parte de las filas.',
  },
  rank_beyond_data: {
    message: (d) =>
      `El adaptador tiene ${d('trainable_parameters')} parámetros para ${d('supervised_tokens')} tokens: puede memorizarlos.`,
    hint: 'Elige un rango menor, o añade filas.',
  },
  warmup_beyond_run: {
    message: (d) =>
      `warmup_steps es ${d('warmup_steps')}, y solo serán ${d('total_steps')} pasos: la tasa nunca llega a su máximo.`,
    hint: 'Lo habitual es una veinteava parte de los pasos.',
  },

  // warnings of datasets, training and exports
  field_unused: {
    message: (d) =>
      `¿Importa «${d('field')}»? Está en ${d('rows')} de ${d('of')} filas y no se usa; puede ser ${FIELD_QUESTION[d('question')] ?? 'algo que la respuesta necesita'}.`,
    hint: 'Si importa, di en «Columnas» qué parte es, o escríbelo en el texto; si no, está bien así.',
  },
  file_part_read: {
    message: (d) => `De ${d('path')} se lee la lista «${d('list')}», y no ${d('others')}.`,
    hint: 'Si esas filas importan, ponlas todas en una sola lista.',
  },
  file_splits: {
    message: (d) => `De ${d('path')} se lee la lista «${d('list')}», y no ${d('others')}.`,
    hint: (d) => `Para validar con «${d('validation')}», elige el mismo archivo como archivo de validación.`,
  },
  template_leaves_out: {
    message: (d) =>
      d('question') === 'tools'
        ? `La plantilla no muestra las herramientas que el asistente puede usar: en ${d('rows')} de ${d('of')} filas quedan fuera. ¿Importan?`
        : `La plantilla no muestra lo que se piensa antes de una respuesta: en ${d('rows')} de ${d('of')} filas queda fuera. ¿Importa?`,
    hint: 'Si importa, elige un modelo cuya plantilla lo muestre, o escríbelo en el texto de los turnos.',
  },
  turns_dropped: {
    message: (d) =>
      d('rows') === '1'
        ? `Una fila, en la línea ${d('line')}, acaba con turnos que nadie responde: esos turnos se dejan fuera.`
        : `${d('rows')} filas acaban con turnos que nadie responde, la primera en la línea ${d('line')}: esos turnos se dejan fuera.`,
    hint: 'Si ahí falta una respuesta, añádela.',
  },
  checkpoint_damaged: {
    message: (d) =>
      (d('reason') === 'not_finite'
        ? `Con el punto de control ${d('path')} la pérdida no es un número finito (se guarda como ${d('kept')}): `
        : `El punto de control ${d('path')} está dañado: `) +
      (d('older') === ''
        ? 'se empieza otra vez desde el primer paso.'
        : `se continúa desde el anterior, ${d('older')}.`),
    hint: 'No hay que hacer nada: los pasos de después se repiten.',
  },
  events_not_kept: {
    message: (d) => `Los pasos de este entrenamiento no se pueden escribir en ${d('path')}.`,
    hint: 'El entrenamiento continúa, con sus puntos de control. Comprueba que haya sitio en el disco.',
  },
  export_keeps_less: {
    message: (d) =>
      `Ningún tipo conserva el ${d('wanted_percent')} % de lo aprendido en estas filas; el que más, ${d('output_type')}: el ${d('kept_percent')} %.`,
    hint: 'El adaptador junto al modelo base no pierde nada.',
  },
  export_type_not_tried: {
    message: (d) =>
      d('has_rows') === 'true'
        ? `El ajuste no baja la pérdida en estas filas y no se pueden comparar tipos: se exporta como ${d('output_type')}.`
        : `No hay filas con las que probar tipos: se exporta como ${d('output_type')}.`,
    hint: 'Elige un tipo si quieres otro.',
  },
  export_rounded_plainly: {
    message: (d) =>
      `Los pesos se redondean al valor más cercano: hacerlo según tus filas llevaría unos ${d('minutes')} minutos por tipo con ${d('threads')} hilos.`,
    hint: 'Con --max-calibration-tokens 1024 se hace de todos modos, y los tipos pequeños conservan más.',
  },
  export_type_changed: {
    message: 'Algunas matrices se exportan con otro tipo, porque el original necesita una matriz de importancia.',
    hint: 'Comprueba el tamaño y el resultado de la exportación.',
  },
  inputs_recomputed: {
    message: (d) =>
      `La memoria guarda la entrada de un bloque de cada ${d('stride')}: las demás se calculan otra vez a la vuelta, lo que es más lento, con el mismo resultado.`,
    hint: 'Un max_seq_len menor necesita menos memoria.',
  },
  micro_batch_split: {
    message:
      'Un microlote no cabe entero en la memoria del dispositivo: se calcula por partes, con el mismo resultado.',
    hint: 'Un micro_batch_size menor con más gradient_accumulation_steps es el mismo entrenamiento.',
  },
  earlier_split_unknown: {
    message:
      'El adaptador de partida es de un entrenamiento anterior cuyas filas reservadas ya no se conocen: puede que ahora se entrene con ellas.',
    hint: 'Valida con un archivo de filas con las que nunca se haya entrenado.',
  },
  held_out_rows_trained_on: {
    message: 'Se entrena con filas que el entrenamiento anterior reservó para validar.',
    hint: 'La validación parecerá mejor de lo que es: usa la parte (val_share) y la semilla (split_seed) de aquel, o su archivo de validación.',
  },
  evaluation_rows_trained_on: {
    message: 'El entrenamiento usó esas mismas filas: lo que haga con ellas dice poco de otras.',
    hint: 'Evalúa con filas con las que no se haya entrenado.',
  },
  split_kept: {
    message: 'Las filas reservadas del entrenamiento anterior siguen reservadas, porque se parte de su adaptador.',
    hint: '',
  },
  val_rows_trained_on: {
    message: 'Hay filas de validación que también están en los datos de entrenamiento.',
    hint: 'La validación parecerá mejor de lo que es: quítalas de uno de los dos archivos.',
  },
  pairs_alike: {
    message: (d) =>
      `${d('pairs')} pares solo se distinguen más allá de max_seq_len = ${d('max_seq_len')} tokens: de ellos no se aprende nada.`,
    hint: 'Sube max_seq_len, o acorta el principio común de las dos respuestas.',
  },
  val_split_all: {
    message: 'Todas las filas cayeron en la validación: se entrena con ellas y no se reserva ninguna.',
    hint: 'Da más filas, un archivo de validación u otra semilla (split_seed).',
  },
  val_split_empty: {
    message: 'Ninguna fila cayó en la validación: son muy pocas para esa parte.',
    hint: 'Sube la parte o da un archivo de validación.',
  },
  nothing_learned: {
    message: 'No se aprendió nada: el adaptador no cambia nada y el modelo ajustado es su base.',
    hint: 'Entrena otra vez con una tasa de aprendizaje mayor que 0 y más pasos.',
  },
  rows_skipped: {
    message: 'Algunas filas no tienen nada que aprender dentro del límite y se omiten.',
    hint: 'Sube max_seq_len.',
  },
  rows_truncated: {
    message: 'Algunas filas son más largas que max_seq_len y pierden el final.',
    hint: 'Sube max_seq_len si lo que importa está al final.',
  },
  setting_changed: {
    message: 'Un ajuste no es el del punto de control; se sigue con el nuevo.',
    hint: '',
  },
  template_opens_thought: {
    message: 'La plantilla del modelo abre un bloque de razonamiento antes de cada respuesta.',
    hint: 'Mira en la vista previa de las filas si las respuestas quedan como quieres.',
  },
  template_without_end_marker: {
    message: 'La plantilla del modelo no marca el final de las respuestas.',
    hint: (d) =>
      d('eos_token') === ''
        ? 'El archivo del modelo tampoco nombra un final de secuencia: puede que las respuestas no paren.'
        : 'Se añade el final de secuencia, para que el modelo aprenda a parar.',
  },
  template_without_system: {
    message: 'La plantilla del modelo no admite instrucción de sistema.',
    hint: 'Mira en la vista previa de las filas dónde queda.',
  },
  weights_streamed: {
    message:
      'El modelo no cabe entero en la memoria del dispositivo: se envía por bloques según hacen falta, lo que es más lento.',
    hint: 'Un micro_batch_size mayor aprovecha mejor cada envío; una cuantización menor quizá quepa entera.',
  },

  // chat
  chat_closed: { message: 'La conversación se cerró.', hint: 'Carga el modelo de nuevo.' },
  chat_crashed: {
    message: 'El proceso del chat se cerró de forma inesperada.',
    hint: 'Carga los modelos de nuevo; si se repite, usa un contexto más corto.',
  },
  chat_failed: { message: 'El modelo no pudo responder.', hint: 'Vuelve a intentarlo.' },
  chat_model_unloadable: {
    message: (details) =>
      details('adapter_path') === ''
        ? `No se pudo cargar ${details('model_path')}.`
        : `No se pudo cargar ${details('model_path')} con el adaptador ${details('adapter_path')}.`,
    hint: 'Comprueba que los archivos estén completos, que vayan juntos y que quepan en memoria.',
  },
  chat_prompt_too_long: {
    message: 'El mensaje no cabe en el contexto.',
    hint: 'Acórtalo, o carga el modelo con más contexto.',
  },
  chat_voice_unknown: { message: 'Ese modelo no está cargado.', hint: 'Cárgalo de nuevo.' },
};

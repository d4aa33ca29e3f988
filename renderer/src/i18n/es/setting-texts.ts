import type { Messages } from '../i18n.svelte.ts';

export const settingTexts: Messages['settingTexts'] = {
  texts: {
    method: {
      label: 'Método',
      help: 'Cómo se adapta el modelo base. DoRA suele aprender más que LoRA con rangos bajos, es más lento y no tiene adaptador para llama.cpp.',
    },
    objective: {
      label: 'Objetivo',
      help: 'Qué se aprende de las filas: las respuestas mismas, o cuáles son mejores.',
    },
    dpo_beta: {
      label: 'Cercanía (beta)',
      help: 'Cuán cerca queda el modelo ajustado de lo que era. Más alta cambia menos; 0,1 es lo habitual.',
    },
    dpo_label_smoothing: {
      label: 'Pares dudosos',
      help: 'Parte de los pares que puede estar al revés. 0 confía en todos.',
    },
    dpo_loss_type: {
      label: 'Pérdida',
      help: 'DPO como se publicó, o IPO, que se detiene cuando la mejor respuesta lleva suficiente ventaja: para pocos pares que coinciden.',
    },
    orpo_beta: { label: 'Peso de la preferencia', help: 'De preferir la mejor respuesta, además de aprender a darla.' },
    kto_beta: {
      label: 'Cercanía (beta)',
      help: 'Cuán cerca queda el modelo ajustado de lo que era. Más alta cambia menos; 0,1 es lo habitual.',
    },
    desirable_weight: {
      label: 'Peso de las respuestas buenas',
      help: 'Súbelo si hay menos respuestas buenas que malas.',
    },
    undesirable_weight: {
      label: 'Peso de las respuestas malas',
      help: 'Súbelo si hay menos respuestas malas que buenas.',
    },
    lora_rank: {
      label: 'Rango',
      help: 'Cuánto puede aprender el adaptador. Más rango pide más memoria y más datos.',
    },
    lora_alpha: {
      label: 'Alfa',
      help: 'Con cuánta fuerza actúa el adaptador. El doble del rango es un buen comienzo.',
    },
    lora_dropout: {
      label: 'Dropout',
      help: 'Parte de las entradas del adaptador que se descarta al azar, contra el sobreajuste. 0,05 ayuda con pocas filas.',
    },
    use_rslora: {
      label: 'Escala estabilizada',
      help: 'Escala por alfa / √rango en lugar de alfa / rango. Para rangos de 64 o más.',
    },
    lora_plus_ratio: {
      label: 'Proporción LoRA+',
      help: 'Cuánto más rápido aprende B que A. 1 es LoRA sin más; 16 suele aprender antes, con una tasa menor.',
    },
    init_lora_weights: {
      label: 'Comienzo de A',
      help: 'Los números al azar con los que empieza A. B empieza siempre en cero, así que se parte del modelo base.',
    },
    neftune_noise_alpha: {
      label: 'Ruido NEFTune',
      help: 'Ruido al azar en las entradas al entrenar, contra el sobreajuste. 0 es nada; con datos de chat suele ser de 5 a 15.',
    },
    target_modules: {
      label: 'Capas adaptadas',
      help: 'Qué capas llevan adaptador. Con todas se aprende mejor; solo q y v ahorran memoria.',
    },
    learning_rate: {
      label: 'Tasa de aprendizaje',
      help: 'Cuánto avanza cada paso. Si es muy alta, la pérdida se dispara; si es muy baja, apenas aprende.',
    },
    weight_decay: {
      label: 'Decaimiento de pesos',
      help: 'Acerca el adaptador a cero. Con LoRA casi nunca hace falta.',
    },
    adam_beta1: { label: 'Beta 1 de Adam', help: 'Cuánto tiempo recuerda el optimizador la dirección.' },
    adam_beta2: { label: 'Beta 2 de Adam', help: 'Cuánto tiempo recuerda el optimizador el tamaño del gradiente.' },
    adam_epsilon: { label: 'Épsilon de Adam', help: 'Evita que el optimizador divida entre cero.' },
    max_grad_norm: {
      label: 'Límite del gradiente',
      help: 'Los gradientes más largos se recortan a esta longitud. 0 lo desactiva.',
    },
    lr_scheduler: { label: 'Curva de la tasa', help: 'Cómo baja la tasa de aprendizaje tras el calentamiento.' },
    warmup_steps: {
      label: 'Pasos de calentamiento',
      help: 'Pasos en los que la tasa sube desde cero. Tiene prioridad sobre la proporción.',
    },
    warmup_ratio: {
      label: 'Proporción de calentamiento',
      help: 'Parte de todos los pasos en la que la tasa sube desde cero.',
    },
    micro_batch_size: {
      label: 'Filas a la vez',
      help: 'Filas que se calculan juntas. Más filas van más rápido en una GPU y ocupan más memoria; un procesador calcula las filas largas de una en una de todos modos.',
    },
    gradient_accumulation_steps: {
      label: 'Acumulación',
      help: 'Pasadas que se juntan en un paso. Las filas por paso son esto por las filas a la vez.',
    },
    max_seq_len: {
      label: 'Fila más larga',
      help: 'Tokens de cada fila que se usan; las más largas se cortan. La memoria crece con este valor.',
    },
    text_overlap_tokens: {
      label: 'Solape de los textos',
      help: 'El texto sin formato que no cabe en una fila se corta en varias. Estos tokens de una se dan de nuevo, como contexto, al principio de la siguiente.',
    },
    epochs: { label: 'Épocas', help: 'Cuántas veces se recorren todas las filas.' },
    max_steps: { label: 'Límite de pasos', help: 'Se detiene tras estos pasos. 0 lo deja en manos de las épocas.' },
    seed: { label: 'Semilla', help: 'La misma semilla con los mismos ajustes da el mismo modelo.' },
    split_seed: {
      label: 'Semilla de la separación',
      help: 'Elige qué filas se reservan para validar. Si no la cambias, los entrenamientos con los mismos datos se pueden comparar.',
    },
    max_val_rows: {
      label: 'Filas evaluadas',
      help: 'Filas reservadas que evalúa como mucho cada validación. Con 0, todas las validaciones cuestan a lo sumo un quinto del entrenamiento.',
    },
    eval_steps: {
      label: 'Validar cada',
      help: 'Pasos entre dos validaciones. 0 es automático: unas diez por entrenamiento.',
    },
    checkpoint_steps: {
      label: 'Punto de control cada',
      help: 'Pasos entre dos puntos de control. 0 es automático: unos diez por entrenamiento.',
    },
    checkpoints_kept: {
      label: 'Puntos de control guardados',
      help: 'Cuántos de los más nuevos quedan en el disco; el mejor se guarda aparte.',
    },
    device: { label: 'Dispositivo', help: 'Dónde se entrena. Automático usa la primera GPU y, si no hay, la CPU.' },
    threads: { label: 'Hilos', help: 'Hilos de la CPU. 0 usa uno por núcleo físico.' },
    compute_type: {
      label: 'Precisión',
      help: 'De los productos con los pesos del modelo. f32 no redondea nada y es la referencia; automática es más rápida y redondea a 16 bits, o a 8 donde multiplica llama.cpp.',
    },
    activation_budget_bytes: {
      label: 'Memoria de activaciones',
      help: 'Bytes que se guardan entre las dos pasadas; el resto se calcula dos veces. −1 lo deja a Forja.',
    },
    device_memory_limit_bytes: {
      label: 'Límite de memoria',
      help: 'Bytes que el entrenamiento puede ocupar como mucho en el dispositivo; así trabaja por partes. 0 usa lo que haya libre.',
    },
    init_adapter_path: { label: 'Partir de un adaptador', help: 'Sigue desde un adaptador entrenado antes.' },
  },
  sections: {
    adapter: 'Adaptador',
    learning: 'Aprendizaje',
    batches: 'Filas y pasos',
    keeping: 'Validación y puntos de control',
    machine: 'Equipo',
  },
  units: {
    tokens: 'tokens',
    steps: 'pasos',
    rows: 'filas',
    bytes: 'bytes',
    share: 'del total',
  },
  choices: {
    lora: 'LoRA',
    dora: 'DoRA',
    kaiming: 'Kaiming',
    gaussian: 'Gaussiano',
    sft: 'Dar las respuestas',
    dpo: 'Aprender de preferencias',
    orpo: 'Respuestas y preferencias a la vez',
    kto: 'Aprender de respuestas buenas y malas',
    sigmoid: 'DPO',
    ipo: 'IPO',
    linear: 'Lineal',
    cosine: 'Coseno',
    constant: 'Constante',
    auto: 'Automático',
    f32: 'f32',
    cpu: 'CPU',
  },
  counted: (number, unit) => `${number} ${unit}`,
  defaultAndRange: (standard, from, to) => `Por defecto ${standard}; de ${from} a ${to}.`,
  defaultFrom: (standard, from) => `Por defecto ${standard}; ${from} o más.`,
  defaultOnly: (standard) => `Por defecto ${standard}.`,
  named: (label) => `«${label}»`,
  on: 'sí',
  off: 'no',
  all: 'todas',
  problems: {
    not_a_number: 'Escribe un número.',
    not_whole: 'Escribe un número entero.',
    too_small: (min) => `Debe ser al menos ${min}.`,
    too_large: (max) => `Puede ser como mucho ${max}.`,
  },
};

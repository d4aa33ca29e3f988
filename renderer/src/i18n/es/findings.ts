import type { FindingTexts } from '../finding-texts.ts';
import { createFormat } from '../format.ts';

const format = createFormat('es');
const size = (value: unknown) => format.bytes(typeof value === 'number' ? value : null);

export const findings: FindingTexts = {
  forja: {
    name: 'Forja',
    text: (d, { is_packaged }) => `${d('version')}${is_packaged === true ? '' : ' (desde el código)'}`,
  },
  electron: {
    name: 'Electron',
    text: (d) =>
      `${d('electron_version')}, Chrome ${d('chrome_version')}, Node ${d('node_version')} en ${d('platform')} ${d('arch')}`,
  },
  machine: {
    name: 'Equipo',
    text: (d, { memory_free_bytes, memory_total_bytes }) =>
      `${d('processors')} procesadores, ${size(memory_free_bytes)} de ${size(memory_total_bytes)} de memoria libres`,
  },
  trainer: {
    name: 'Entrenador',
    text: (d) => `${d('path')}, llama.cpp ${d('llama_cpp_release')}; ${d('devices')}; ${d('cpu_features')}`,
  },
  nvidia: {
    name: 'GPU de NVIDIA',
    text: (d, { through, why }) => {
      const now = through === 'none' ? 'no se calcula nada en ella' : `se usa a través de ${d('through')}`;
      if (why === 'libraries')
        return `El controlador está, pero faltan estas bibliotecas de CUDA: ${d('missing')}; ${now}.`;
      if (why === 'driver') return `CUDA no ha arrancado, aunque sus bibliotecas están: ${now}.`;
      return `El controlador está: ${now}.`;
    },
  },
  database: {
    name: 'Base de datos',
    text: (d, { runs, disk_free_bytes }) =>
      `${d('path')}, ${format.plural(Number(runs), { one: 'un entrenamiento', other: '# entrenamientos' })}, ${size(disk_free_bytes)} libres`,
  },
  cache: {
    name: 'Descargas',
    text: (d, { disk_free_bytes }) => `${d('path')}, ${size(disk_free_bytes)} libres`,
  },
  sample_model: {
    name: 'Modelo de ejemplo',
    text: (d) => d('path'),
  },
};

import type { FindingTexts } from '../finding-texts.ts';
import { createFormat } from '../format.ts';

const format = createFormat('en');
const size = (value: unknown) => format.bytes(typeof value === 'number' ? value : null);

export const findings: FindingTexts = {
  forja: {
    name: 'Forja',
    text: (d, { is_packaged }) => `${d('version')}${is_packaged === true ? '' : ' (from a checkout)'}`,
  },
  electron: {
    name: 'Electron',
    text: (d) =>
      `${d('electron_version')}, Chrome ${d('chrome_version')}, Node ${d('node_version')} on ${d('platform')} ${d('arch')}`,
  },
  machine: {
    name: 'Machine',
    text: (d, { memory_free_bytes, memory_total_bytes }) =>
      `${d('processors')} processors, ${size(memory_free_bytes)} of ${size(memory_total_bytes)} memory free`,
  },
  trainer: {
    name: 'Trainer',
    text: (d) => `${d('path')}, llama.cpp ${d('llama_cpp_release')}; ${d('devices')}; ${d('cpu_features')}`,
  },
  nvidia: {
    name: 'NVIDIA GPU',
    text: (d, { through, why }) => {
      const now = through === 'none' ? 'nothing is computed on it' : `it is used through ${d('through')}`;
      if (why === 'libraries') return `The driver is here, but not CUDA’s ${d('missing')}: ${now}.`;
      if (why === 'driver') return `CUDA did not start, though its libraries are here: ${now}.`;
      return `The driver is here: ${now}.`;
    },
  },
  database: {
    name: 'Database',
    text: (d, { runs, disk_free_bytes }) =>
      `${d('path')}, ${format.plural(Number(runs), { one: 'one run', other: '# runs' })}, ${size(disk_free_bytes)} free`,
  },
  cache: {
    name: 'Downloads',
    text: (d, { disk_free_bytes }) => `${d('path')}, ${size(disk_free_bytes)} free`,
  },
  sample_model: {
    name: 'Sample model',
    text: (d) => d('path'),
  },
};

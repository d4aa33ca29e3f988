import type { DialogTexts } from '../ipc/host.ts';
import type { UpdateTexts } from './update-flow.ts';

/** The words of menus, dialogs and notifications: what the main process says itself. */
export interface Texts extends DialogTexts, UpdateTexts {
  file: string;
  new_run: string;
  open_model_item: string;
  runs: string;
  queue: string;
  playground: string;
  export_page: string;
  settings: string;
  about: string;
  about_detail: (version: string) => string;
  check_updates: string;
  services: string;
  hide: string;
  hide_others: string;
  show_all: string;
  quit: string;
  edit: string;
  undo: string;
  redo: string;
  cut: string;
  copy: string;
  paste: string;
  delete: string;
  select_all: string;
  view: string;
  start: string;
  reload: string;
  zoom_in: string;
  zoom_out: string;
  zoom_reset: string;
  full_screen: string;
  developer_tools: string;
  window: string;
  minimize: string;
  zoom_window: string;
  front: string;
  close: string;
  help: string;
  guide: string;
  licences: string;
  data_folder: string;
  close_title: string;
  close_detail: string;
  close_stop: string;
  close_stay: string;
  run_completed: (name: string) => string;
  run_failed: (name: string) => string;
  run_stopped: (name: string) => string;
  page_gone: string;
  start_failed: string;
  /** What kept the app from starting: a code of the core, and its message where this language has no words for it. */
  start_failed_why: (code: string, message: string) => string;
}

const en: Texts = {
  file: 'File',
  new_run: 'New fine-tune',
  open_model_item: 'Open model…',
  settings: 'Settings',
  runs: 'Runs',
  queue: 'Queue',
  playground: 'Playground',
  export_page: 'Export',
  about: 'About Forja',
  about_detail: (version) =>
    `Version ${version}. Fine-tunes GGUF language models on your own computer. MIT licence; built on llama.cpp, Electron and Svelte.`,
  check_updates: 'Check for updates…',
  update_none: (version) => `Forja ${version} is the newest version.`,
  update_found: (version) => `Forja ${version} is available`,
  update_found_detail: 'It is fetched from the release page and checked before anything is installed.',
  update_download: 'Download',
  update_ready: (version) => `Forja ${version} is ready`,
  update_ready_detail: 'Forja closes and starts again. A running fine-tune writes a checkpoint first.',
  update_restart: 'Restart now',
  update_later: 'Later',
  update_failed: 'Could not look for updates',
  update_failed_detail: (reason) => `Check the network and try again. (${reason})`,
  services: 'Services',
  hide: 'Hide Forja',
  hide_others: 'Hide others',
  show_all: 'Show all',
  quit: 'Quit Forja',
  edit: 'Edit',
  undo: 'Undo',
  redo: 'Redo',
  cut: 'Cut',
  copy: 'Copy',
  paste: 'Paste',
  delete: 'Delete',
  select_all: 'Select all',
  view: 'View',
  start: 'Start',
  reload: 'Reload window',
  zoom_in: 'Zoom in',
  zoom_out: 'Zoom out',
  zoom_reset: 'Actual size',
  full_screen: 'Full screen',
  developer_tools: 'Developer tools',
  window: 'Window',
  minimize: 'Minimise',
  zoom_window: 'Zoom',
  front: 'Bring all to front',
  close: 'Close window',
  help: 'Help',
  guide: 'Guide',
  licences: 'Licences',
  data_folder: 'Open data folder',
  close_title: 'A fine-tune is running',
  close_detail: 'Forja writes a checkpoint and stops. You can continue from there the next time.',
  close_stop: 'Stop and close',
  close_stay: 'Keep running',
  run_completed: (name) => `${name} is done`,
  run_failed: (name) => `${name} failed`,
  run_stopped: (name) => `${name} was stopped`,
  page_gone: 'The window had to be loaded again.',
  start_failed: 'Forja can’t start',
  start_failed_why: (_, message) => message,
  open_model: 'Choose a model',
  open_adapter: 'Choose an adapter',
  open_dataset: 'Choose a dataset',
  open_validation: 'Choose a validation dataset',
  choose_runs: 'Choose the folder for runs',
  choose_exports: 'Choose the folder for exports',
  save_export: 'Export to',
  save_report: 'Save the report as',
  report_name: (run) => `${run} evaluation`,
  language: 'en',
  models: 'GGUF models',
  datasets: 'Datasets',
  fetch_sample: 'Fetch the sample model?',
  fetch_sample_detail: (size) =>
    `SmolLM2-135M-Instruct (${size}, Apache 2.0) is fetched from the internet once and kept on this computer.`,
  fetch: 'Fetch',
  cancel: 'Cancel',
};

const WHY_ES: Record<string, string> = {
  database_corrupt:
    'La base de datos está dañada. Aparta el archivo y Forja empezará otro; los ajustes finos siguen enteros en sus carpetas.',
  database_locked: 'Otro programa tiene bloqueada la base de datos de Forja. Ciérralo y vuelve a abrir Forja.',
  database_from_future: 'La base de datos es de una versión más nueva de Forja: actualiza Forja.',
  database_unavailable: 'No se puede abrir la base de datos de Forja. Comprueba los permisos de la carpeta de datos.',
  disk_full: 'El disco está lleno: libera espacio y vuelve a abrir Forja.',
};

const es: Texts = {
  file: 'Archivo',
  new_run: 'Nuevo ajuste fino',
  open_model_item: 'Abrir modelo…',
  settings: 'Configuración',
  runs: 'Entrenamientos',
  queue: 'Cola',
  playground: 'Probar',
  export_page: 'Exportar',
  about: 'Acerca de Forja',
  about_detail: (version) =>
    `Versión ${version}. Ajusta modelos de lenguaje GGUF en tu propio equipo. Licencia MIT; hecho con llama.cpp, Electron y Svelte.`,
  check_updates: 'Buscar actualizaciones…',
  update_none: (version) => `Forja ${version} es la versión más reciente.`,
  update_found: (version) => `Forja ${version} está disponible`,
  update_found_detail: 'Se descarga de la página de versiones y se comprueba antes de instalar nada.',
  update_download: 'Descargar',
  update_ready: (version) => `Forja ${version} está lista`,
  update_ready_detail: 'Forja se cierra y se abre de nuevo. Un ajuste en marcha guarda antes un punto de control.',
  update_restart: 'Reiniciar ahora',
  update_later: 'Más tarde',
  update_failed: 'No se pudo buscar actualizaciones',
  update_failed_detail: (reason) => `Comprueba la red y vuelve a intentarlo. (${reason})`,
  services: 'Servicios',
  hide: 'Ocultar Forja',
  hide_others: 'Ocultar otros',
  show_all: 'Mostrar todo',
  quit: 'Salir de Forja',
  edit: 'Editar',
  undo: 'Deshacer',
  redo: 'Rehacer',
  cut: 'Cortar',
  copy: 'Copiar',
  paste: 'Pegar',
  delete: 'Eliminar',
  select_all: 'Seleccionar todo',
  view: 'Ver',
  start: 'Inicio',
  reload: 'Recargar la ventana',
  zoom_in: 'Acercar',
  zoom_out: 'Alejar',
  zoom_reset: 'Tamaño real',
  full_screen: 'Pantalla completa',
  developer_tools: 'Herramientas de desarrollo',
  window: 'Ventana',
  minimize: 'Minimizar',
  zoom_window: 'Zoom',
  front: 'Traer todo al frente',
  close: 'Cerrar la ventana',
  help: 'Ayuda',
  guide: 'Guía',
  licences: 'Licencias',
  data_folder: 'Abrir la carpeta de datos',
  close_title: 'Hay un ajuste fino en marcha',
  close_detail: 'Forja guarda un punto de control y se detiene. La próxima vez puedes continuar desde ahí.',
  close_stop: 'Detener y cerrar',
  close_stay: 'Seguir entrenando',
  run_completed: (name) => `${name} ha terminado`,
  run_failed: (name) => `${name} ha fallado`,
  run_stopped: (name) => `${name} se ha detenido`,
  page_gone: 'Hubo que volver a cargar la ventana.',
  start_failed: 'Forja no puede abrirse',
  start_failed_why: (code, message) => WHY_ES[code] ?? message,
  open_model: 'Elige un modelo',
  open_adapter: 'Elige un adaptador',
  open_dataset: 'Elige un conjunto de datos',
  open_validation: 'Elige un conjunto de validación',
  choose_runs: 'Elige la carpeta de los entrenamientos',
  choose_exports: 'Elige la carpeta de las exportaciones',
  save_export: 'Exportar a',
  save_report: 'Guardar el informe como',
  report_name: (run) => `${run} evaluación`,
  language: 'es',
  models: 'Modelos GGUF',
  datasets: 'Conjuntos de datos',
  fetch_sample: '¿Descargar el modelo de ejemplo?',
  fetch_sample_detail: (size) =>
    `SmolLM2-135M-Instruct (${size}, Apache 2.0) se descarga una vez de internet y queda en este equipo.`,
  fetch: 'Descargar',
  cancel: 'Cancelar',
};

/** The words for a language setting; `system` follows the locale. */
export function textsOf(language: 'system' | 'en' | 'es', locale: string): Texts {
  const wanted = language === 'system' ? locale : language;
  return wanted.toLowerCase().startsWith('es') ? es : en;
}

import type { Messages } from '../i18n.svelte.ts';

export const common: Messages['common'] = {
  cancel: 'Cancelar',
  close: 'Cerrar',
  copy: 'Copiar',
  copied: 'Copiado',
  retry: 'Reintentar',
  loading: 'Cargando…',
  notifications: 'Avisos',
  showInFolder: 'Mostrar en la carpeta',
  change: 'Cambiar',
  remove: 'Quitar',
  yes: 'Sí',
  no: 'No',
  unknown: 'desconocido',
  none: 'ninguno',
  whatIs: (word) => `¿Qué es «${word}»?`,
};

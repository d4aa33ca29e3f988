import type { Details } from '../describe-error.ts';
import type { TranslatedRefusals } from '../refusal-texts.ts';

/** Where in the row it is: a column, or a turn of its conversation. */
function place(d: Details): string {
  if (d('column') !== '') return `La columna «${d('column')}»`;
  return d('turn') === '' ? 'La fila' : `El turno ${d('turn')}`;
}

const EXPECTED: Record<string, string> = {
  text: 'texto',
  list: 'una lista',
  object: 'un objeto',
  'true or false': 'true o false',
};
const FOUND: Record<string, string> = {
  text: 'texto',
  'a string': 'texto',
  'a number': 'un número',
  'a boolean': 'un sí o no',
  'an object': 'un objeto',
  'an array': 'una lista',
  'a list': 'una lista',
  null: 'nulo',
  nothing: 'nada',
};

/** Por qué se deja fuera una fila, por su código. */
export const refusals: TranslatedRefusals = {
  invalid_utf8: (d) => `${place(d)} tiene bytes que no son UTF-8 válido.`,
  invalid_json: (d) =>
    d('character') === '' ? 'No es JSON válido.' : `No es JSON válido: falla en el carácter ${d('character')}.`,
  invalid_csv: (d) =>
    d('fields') === ''
      ? 'No es CSV válido: revisa sus comillas.'
      : `Tiene ${d('fields')} campos, y la primera línea nombra ${d('columns')} columnas.`,
  not_an_object: (d) => `Una fila debe ser un objeto JSON {…}; esta es ${FOUND[d('found')] ?? 'otra cosa'}.`,
  row_too_long: (d) => `La fila pasa de ${d('most')} caracteres.`,
  missing_column: (d) => `Le falta la columna «${d('column')}».`,
  wrong_type: (d) =>
    d('key') === ''
      ? `${place(d)} debe ser ${EXPECTED[d('expected')] ?? 'de otro tipo'}, y es ${FOUND[d('found')] ?? 'otra cosa'}.`
      : `${place(d)} no tiene «${d('key')}».`,
  empty_content: (d) => (d('turn') === '' ? `${place(d)} está vacía.` : `${place(d)} está vacío.`),
  no_answer: () => 'No tiene ninguna respuesta de la que aprender.',
  pair_equal: () => 'La respuesta mejor y la peor son la misma.',
  labelled_wrong: () => 'Su «label» es falso: es una respuesta que no hay que aprender.',
  unsupported_role: (d) => `${place(d)} tiene el papel «${d('role')}»; se conocen system, user, assistant y tool.`,
  unsupported_content: (d) =>
    d('part') === 'tool_calls'
      ? `${place(d)} llama a herramientas, y la plantilla no muestra llamadas.`
      : `${place(d)} tiene contenido que no es texto, y solo se aprende de texto.`,
  template_refused: (d) =>
    d('turn') === ''
      ? 'La plantilla no acepta esta conversación: revisa el orden de sus turnos.'
      : `La plantilla no acepta el turno ${d('turn')}: usuario y asistente deben alternarse.`,
};

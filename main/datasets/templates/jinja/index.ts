export { globalNames } from './globals.ts';
export { runTemplate } from './interpreter.ts';
export { Limits } from './limits.ts';
export { parseTemplate, type Program } from './syntax.ts';
export { hasBlankEnds, strip } from './text-methods.ts';
export { fromJson, TemplateError, type Value } from './values.ts';

/** What a GGUF says of its own name; each may be missing. */
export interface ModelNames {
  name: string | null;
  basename?: string | null;
  size_label?: string | null;
  finetune?: string | null;
}

/** Behind a file's name: its part of a split set, and its quantisation. */
const SPLIT = /-\d{5}-of-\d{5}$/;
const TYPE = /[-._](?:UD-)?(?:I?Q\d\w*|TQ\d\w*|MXFP4\w*|BF16|F16|F32|FP16|FP32)$/i;

/**
 * The name by which people know a model, without its quantisation.
 *
 * Names that converters put into files come from folders: 'Smollm2 135M 8k Lc100K Mix1 Ep2'. The file's own name is what its makers
 * publish it under; it is taken where it begins with the model's `general.basename`, or has nothing to be compared with and no name
 * is given. Else basename and size, else the name.
 *
 * @param path the file, or the first of a split set
 */
export function humanModelName({ name, basename, size_label, finetune }: ModelNames, path: string): string {
  const file = fileName(path);
  if (basename != null && basename !== '') {
    if (plain(file).startsWith(plain(basename))) return spaced(file);
    return spaced(
      [basename, size_label, isWord(finetune) ? finetune : null]
        .filter((part) => part != null && part !== '')
        .join(' '),
    );
  }
  return name != null && name.trim() !== '' ? name.trim() : spaced(file);
}

function fileName(path: string): string {
  const file = path.split(/[\\/]/).at(-1) ?? path;
  return file
    .replace(/\.gguf$/i, '')
    .replace(SPLIT, '')
    .replace(TYPE, '');
}

/** One word, such as Instruct or it: not how it was made. */
const isWord = (text: string | null | undefined): text is string => text != null && /^[a-z]+$/i.test(text);

const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

const spaced = (text: string) => text.replace(/[-_ ]+/g, ' ').trim();

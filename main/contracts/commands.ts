/** Commands that a person pastes into a shell, and names in them; the command line and the screens suggest the same. */

/** One word for a shell: by PowerShell's rules on Windows, by POSIX's elsewhere. */
export function shellWord(text: string, isWindows: boolean): string {
  // A word that begins with a dash is an option, one with a tilde a home folder.
  const plain = isWindows ? /^[\w.][\w+=:./\\-]*$/ : /^[\w%+=:,./][\w@%+=:,./-]*$/;
  if (plain.test(text)) return text;
  // PowerShell takes typographic quotes for the plain one.
  return isWindows ? `'${text.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'` : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Most characters of a name in Ollama. */
const LONGEST_NAME = 80;

/** A name that Ollama takes, for a model in a file: letters, digits, `_`, `-` and `.`, the first no sign. */
export function ollamaName(file_name: string): string {
  const name = file_name
    .replace(/\.gguf$/i, '')
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, LONGEST_NAME)
    .replace(/[-.]+$/, '');
  return name === '' ? 'tuned' : name;
}

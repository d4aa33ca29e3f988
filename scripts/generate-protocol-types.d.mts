/** What is generated from the schemas in native/protocol: the text of each file by its path from the repository's root. */
export function generate(): Record<string, string>;

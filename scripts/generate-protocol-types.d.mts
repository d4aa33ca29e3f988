/** main/contracts/protocol-types.ts as the schemas in native/protocol give it. */
export function generate(): string;

export declare const LAYERS: Record<string, string[]>;
export declare function includedLayers(text: string): string[];
export declare function forbiddenIncludes(src: string): string[];

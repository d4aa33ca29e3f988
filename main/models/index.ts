/** Model files: what they are, their hash, and the sample model. */
export { cacheDir } from './cache.ts';
export { hashFiles } from './hash.ts';
export { inspectModel, inspectTrainable } from './inspect.ts';
export { ensureSampleModel, SAMPLE_MODEL, sampleModelPath, type FetchProgress } from './sample-model.ts';
export { ModelCatalogue, sizesOf, type KnownModel } from './catalogue.ts';
export { readGgufHeader, type GgufHeader, type GgufTensor } from './gguf-header.ts';
export { OUTPUT_TYPES, outputBytes, type OutputType } from './output-size.ts';

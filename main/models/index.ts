/** Model files: what they are, their hash, and the sample model. */
export { cacheDir } from './cache.ts';
export { hashFiles } from './hash.ts';
export { inspectModel, inspectTrainable } from './inspect.ts';
export { ensureSampleModel, SAMPLE_MODEL, sampleModelPath } from './sample-model.ts';

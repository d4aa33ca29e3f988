import type { ErrorCode } from '../../../main/contracts/errors.ts';
import type { ErrorText } from './describe-error.ts';

/** Codes of the trainer, the datasets layer and the chat that a person may meet. main/contracts declares the others. */
export type LayerCode =
  // trainer: model files
  | 'architecture_unsupported'
  | 'gguf_bad_magic'
  | 'gguf_bad_metadata'
  | 'gguf_bad_version'
  | 'gguf_corrupt'
  | 'gguf_split_missing'
  | 'gguf_truncated'
  | 'model_no_tokenizer'
  | 'model_unloadable'
  | 'model_unsupported'
  | 'tensor_bad_shape'
  | 'tensor_bad_type'
  | 'tensor_missing'
  | 'tokenizer_unusable'
  // trainer: training
  | 'file_unreadable'
  | 'token_file_corrupt'
  | 'token_file_truncated'
  | 'adapter_mismatch'
  | 'backend_missing'
  | 'checkpoint_corrupt'
  | 'checkpoint_missing'
  | 'compute_failed'
  | 'device_failed'
  | 'device_not_found'
  | 'device_out_of_memory'
  | 'loss_not_finite'
  | 'no_target_modules'
  | 'op_unsupported'
  | 'out_of_memory'
  | 'resume_mismatch'
  | 'weights_not_finite'
  | 'write_failed'
  // trainer: exports
  | 'adapter_invalid'
  | 'export_unusable'
  | 'nothing_to_verify'
  | 'output_busy'
  | 'output_exists'
  | 'output_is_input'
  | 'output_not_writable'
  // datasets
  | 'dataset_cancelled'
  | 'dataset_column_missing'
  | 'dataset_empty'
  | 'dataset_encoding'
  | 'dataset_format_unknown'
  | 'dataset_kind_unsupported'
  | 'dataset_not_found'
  | 'dataset_unreadable'
  | 'template_invalid'
  | 'template_missing'
  // warnings of settings
  | 'alpha_far_from_rank'
  | 'few_steps'
  | 'learning_rate_high'
  | 'learning_rate_of_full_tuning'
  | 'longer_than_context'
  | 'longer_than_rows'
  | 'many_epochs'
  | 'no_validation_rows'
  | 'rank_beyond_data'
  | 'warmup_beyond_run'
  // warnings of datasets, training and exports
  | 'export_type_changed'
  | 'inputs_recomputed'
  | 'micro_batch_split'
  | 'rows_skipped'
  | 'rows_truncated'
  | 'setting_changed'
  | 'template_opens_thought'
  | 'template_without_end_marker'
  | 'template_without_system'
  | 'weights_streamed'
  // chat
  | 'chat_closed'
  | 'chat_crashed'
  | 'chat_failed'
  | 'chat_model_unloadable'
  | 'chat_prompt_too_long'
  | 'chat_voice_unknown';

export type KnownCode = ErrorCode | LayerCode;

/** The core says everything in English already, so English needs no words of its own; any other language has all of them. */
export type ErrorTexts = Partial<Record<string, ErrorText>>;
export type TranslatedErrors = Record<KnownCode, ErrorText> & ErrorTexts;

// Written by `npm run generate` from native/protocol/codes.schema.json. Do not edit.

/** The code of every error, with the exit code of a command that ends with it. */
export const ERROR_EXITS = {
  usage: 2,
  request_invalid: 2,
  setting_invalid: 2,
  file_not_found: 2,
  file_unreadable: 2,
  file_changed: 1,
  path_not_allowed: 2,
  sender_unknown: 1,
  output_exists: 2,
  out_dir_holds_run: 2,
  out_dir_not_empty: 2,
  out_dir_unwritable: 2,
  run_not_found: 2,
  run_file_invalid: 2,
  run_in_use: 2,
  run_is_active: 2,
  run_not_active: 2,
  run_not_waiting: 2,
  run_not_continuable: 2,
  evaluation_invalid: 2,
  evaluation_rows_unfit: 2,
  run_completed: 2,
  run_has_no_adapter: 2,
  model_changed: 2,
  sample_model_unavailable: 1,
  trainer_missing: 1,
  trainer_unstartable: 1,
  trainer_killed: 1,
  trainer_crashed: 1,
  protocol_mismatch: 1,
  protocol_violation: 1,
  job_unreadable: 2,
  job_invalid: 2,
  database_from_future: 1,
  database_unavailable: 1,
  database_corrupt: 1,
  database_locked: 1,
  disk_full: 1,
  access_denied: 1,
  write_failed: 1,
  out_of_memory: 1,
  device_out_of_memory: 1,
  device_not_found: 2,
  device_failed: 1,
  backend_missing: 1,
  compute_failed: 1,
  op_unsupported: 1,
  internal: 1,
  architecture_unsupported: 2,
  gguf_bad_magic: 2,
  gguf_bad_version: 2,
  gguf_bad_metadata: 2,
  gguf_corrupt: 2,
  gguf_split_missing: 2,
  gguf_truncated: 2,
  model_no_tokenizer: 2,
  model_unloadable: 2,
  model_differs: 1,
  model_unsupported: 2,
  tensor_bad_shape: 2,
  tensor_bad_type: 2,
  tensor_missing: 2,
  tokenizer_unusable: 2,
  weights_not_finite: 2,
  token_file_bad_magic: 2,
  token_file_bad_version: 2,
  token_file_corrupt: 2,
  token_file_truncated: 2,
  token_file_vocab_mismatch: 2,
  rows_invalid: 2,
  row_too_long: 2,
  adapter_mismatch: 2,
  method_unknown: 2,
  no_target_modules: 2,
  checkpoint_missing: 2,
  checkpoint_corrupt: 2,
  resume_mismatch: 2,
  loss_not_finite: 1,
  adapter_invalid: 2,
  peft_invalid: 2,
  peft_unsupported: 2,
  safetensors_invalid: 2,
  export_format_unknown: 2,
  output_type_unknown: 2,
  export_refused: 2,
  export_overflow: 2,
  export_unusable: 2,
  nothing_to_verify: 2,
  output_busy: 1,
  output_is_input: 2,
  output_not_an_adapter_folder: 2,
  output_not_writable: 2,
  dataset_not_found: 2,
  dataset_unreadable: 2,
  dataset_changed: 2,
  dataset_encoding: 2,
  dataset_kind_unsupported: 2,
  dataset_format_unknown: 2,
  dataset_column_missing: 2,
  dataset_shape_unclear: 2,
  dataset_turns_as_rows: 2,
  dataset_preference_pairs: 2,
  dataset_unfit_objective: 2,
  rows_unfit_objective: 2,
  dataset_empty: 2,
  dataset_cancelled: 2,
  template_missing: 2,
  template_invalid: 2,
  chat_model_unloadable: 2,
  chat_voice_unknown: 2,
  chat_prompt_too_long: 2,
  chat_failed: 1,
  chat_crashed: 1,
  chat_closed: 1,
} as const;

export type ErrorCode = keyof typeof ERROR_EXITS;

/** The errors that core raises. */
export type CoreErrorCode =
  | "usage"
  | "request_invalid"
  | "setting_invalid"
  | "file_not_found"
  | "path_not_allowed"
  | "sender_unknown"
  | "output_exists"
  | "out_dir_holds_run"
  | "out_dir_not_empty"
  | "out_dir_unwritable"
  | "run_not_found"
  | "run_file_invalid"
  | "run_in_use"
  | "run_is_active"
  | "run_not_active"
  | "run_not_waiting"
  | "run_not_continuable"
  | "evaluation_invalid"
  | "evaluation_rows_unfit"
  | "run_completed"
  | "run_has_no_adapter"
  | "model_changed"
  | "sample_model_unavailable"
  | "trainer_missing"
  | "trainer_unstartable"
  | "trainer_killed"
  | "trainer_crashed"
  | "protocol_mismatch"
  | "protocol_violation"
  | "database_from_future"
  | "database_unavailable"
  | "database_corrupt"
  | "database_locked"
  | "disk_full"
  | "access_denied"
  | "internal"
  | "model_unsupported"
  | "chat_voice_unknown";

/** The errors that datasets raises. */
export type DatasetErrorCode =
  | "dataset_not_found"
  | "dataset_unreadable"
  | "dataset_changed"
  | "dataset_encoding"
  | "dataset_kind_unsupported"
  | "dataset_format_unknown"
  | "dataset_column_missing"
  | "dataset_shape_unclear"
  | "dataset_turns_as_rows"
  | "dataset_preference_pairs"
  | "dataset_unfit_objective"
  | "dataset_empty"
  | "dataset_cancelled"
  | "template_missing"
  | "template_invalid";

/** The errors that chat raises. */
export type ChatErrorCode =
  | "chat_model_unloadable"
  | "chat_voice_unknown"
  | "chat_prompt_too_long"
  | "chat_failed"
  | "chat_crashed"
  | "chat_closed";

/** The errors that trainer raises. */
export type TrainerErrorCode =
  | "file_not_found"
  | "file_unreadable"
  | "file_changed"
  | "output_exists"
  | "protocol_mismatch"
  | "job_unreadable"
  | "job_invalid"
  | "disk_full"
  | "write_failed"
  | "out_of_memory"
  | "device_out_of_memory"
  | "device_not_found"
  | "device_failed"
  | "backend_missing"
  | "compute_failed"
  | "op_unsupported"
  | "internal"
  | "architecture_unsupported"
  | "gguf_bad_magic"
  | "gguf_bad_version"
  | "gguf_bad_metadata"
  | "gguf_corrupt"
  | "gguf_split_missing"
  | "gguf_truncated"
  | "model_no_tokenizer"
  | "model_unloadable"
  | "model_differs"
  | "model_unsupported"
  | "tensor_bad_shape"
  | "tensor_bad_type"
  | "tensor_missing"
  | "tokenizer_unusable"
  | "weights_not_finite"
  | "token_file_bad_magic"
  | "token_file_bad_version"
  | "token_file_corrupt"
  | "token_file_truncated"
  | "token_file_vocab_mismatch"
  | "rows_invalid"
  | "row_too_long"
  | "adapter_mismatch"
  | "method_unknown"
  | "no_target_modules"
  | "checkpoint_missing"
  | "checkpoint_corrupt"
  | "resume_mismatch"
  | "loss_not_finite"
  | "adapter_invalid"
  | "peft_invalid"
  | "peft_unsupported"
  | "safetensors_invalid"
  | "export_format_unknown"
  | "output_type_unknown"
  | "export_refused"
  | "export_overflow"
  | "export_unusable"
  | "nothing_to_verify"
  | "output_busy"
  | "output_is_input"
  | "output_not_an_adapter_folder"
  | "output_not_writable"
  | "rows_unfit_objective"
  | "dataset_empty";

/** What is told and stops nothing. */
export const WARNING_CODES = [
  "alpha_far_from_rank",
  "learning_rate_of_full_tuning",
  "learning_rate_high",
  "longer_than_context",
  "longer_than_rows",
  "rank_beyond_data",
  "warmup_beyond_run",
  "many_epochs",
  "few_steps",
  "no_validation_rows",
  "rows_skipped",
  "rows_truncated",
  "setting_changed",
  "checkpoint_damaged",
  "events_not_kept",
  "nothing_learned",
  "micro_batch_split",
  "inputs_recomputed",
  "weights_streamed",
  "export_keeps_less",
  "export_type_not_tried",
  "export_rounded_plainly",
  "export_type_changed",
  "template_without_system",
  "template_leaves_out",
  "field_unused",
  "file_part_read",
  "file_splits",
  "turns_dropped",
  "pairs_alike",
  "val_split_all",
  "evaluation_rows_trained_on",
  "split_kept",
  "held_out_rows_trained_on",
  "earlier_split_unknown",
  "val_split_empty",
  "val_rows_trained_on",
  "template_without_end_marker",
  "template_opens_thought",
] as const;

export type WarningCode = (typeof WARNING_CODES)[number];

/** Why a row of a dataset is left out. */
export const REFUSAL_CODES = [
  "invalid_utf8",
  "invalid_json",
  "invalid_csv",
  "not_an_object",
  "row_too_long",
  "missing_column",
  "wrong_type",
  "empty_content",
  "no_answer",
  "pair_equal",
  "labelled_wrong",
  "unsupported_role",
  "unsupported_content",
  "template_refused",
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

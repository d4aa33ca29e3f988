import type { ErrorCode, WarningCode } from '../../../main/contracts/codes.ts';
import type { ErrorText } from './describe-error.ts';

/** Every code of an error or a warning, as native/protocol/codes.schema.json declares them. */
export type KnownCode = ErrorCode | WarningCode;

/** The core says everything in English already, so English needs no words of its own; any other language has all of them. */
export type ErrorTexts = Partial<Record<string, ErrorText>>;
export type TranslatedErrors = Record<KnownCode, ErrorText>;

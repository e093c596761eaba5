import { ConfigError } from '../config/problem.js';
import { GeminiError } from '../gemini/gemini.error.js';
import { TopicsError } from '../infrastructure/kafka/topics.js';
import { ProblemException } from '../internal-api/problems/problem.exception.js';
import { SecretsUnavailableError } from '../signing-secrets/secrets-store.js';
import { CommandError } from './terminal.js';

/** Errors whose message names the cause and the remedy, so that a stack adds nothing. */
const EXPECTED = [
  CommandError,
  ConfigError,
  ProblemException,
  GeminiError,
  SecretsUnavailableError,
  TopicsError,
] as const;

export function isExpected(error: unknown): boolean {
  return EXPECTED.some((kind) => error instanceof kind);
}

/** The text of an error for the terminal; with the stack for an unexpected one. */
export function errorText(error: unknown): string {
  if (!isExpected(error)) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { message } = error as Error;
  const { reason = '' } = error instanceof GeminiError ? error : {};
  const code = error instanceof ProblemException ? `${error.code}: ` : '';
  return `${code}${message}${message.includes(reason) ? '' : `: ${reason}`}`;
}

/** An expected error as the JSON of a failed command. */
export function errorJson(error: unknown): object {
  if (!(error instanceof ConfigError)) return { ok: false, error: errorText(error) };
  const { problems, warnings } = error;
  return { ok: false, problems, warnings };
}

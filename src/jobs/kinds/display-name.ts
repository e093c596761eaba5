/*
 * The bridge writes a job's id into its display name. Gemini's lists have the display name, so
 * `SubmissionRecovery` finds a job there whose submission was not answered.
 */

const MARK = /\[([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\]$/;

/** `nightly [<job id>]` */
export function displayNameOf(jobId: string, given: string | undefined): string {
  return given === undefined ? `[${jobId}]` : `${given} [${jobId}]`;
}

export function jobIdIn(displayName: string | undefined): string | undefined {
  return displayName === undefined ? undefined : MARK.exec(displayName)?.[1];
}

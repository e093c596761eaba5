/*
 * Gemini tells a job's display name in lists, so it carries our id: a submission that was
 * never answered is found by it.
 */

const MARK = /\[([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\]$/;

/** `nightly [<job id>]` */
export function displayNameOf(jobId: string, given: string | undefined): string {
  return given === undefined ? `[${jobId}]` : `${given} [${jobId}]`;
}

export function jobIdIn(displayName: string | undefined): string | undefined {
  return displayName === undefined ? undefined : MARK.exec(displayName)?.[1];
}

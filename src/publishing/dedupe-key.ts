/*
 * The only composer of dedupe keys. The dedupe stores keep them, and the topic history composes
 * them anew from the headers of records that earlier versions wrote: the format cannot change.
 */

/** Scope of the deliveries that come by the static route. */
export const STATIC_SCOPE = 'static';

/**
 * The key that all deliveries of one event have in common.
 *
 * @param scope the route: `static`, `jobs/<job id>`, or `bridge` for what the bridge itself says.
 *   A delivery that is replayed to another job's path gets another key.
 * @param id the `webhook-id`.
 * @param bodyHash SHA-256, base64url, of a body that the proof does not bind. Without it a forged
 *   body with a stolen token would stand for the event.
 */
export function dedupeKey(scope: string, id: string, bodyHash?: string): string {
  return bodyHash ? `${scope}:${id}:${bodyHash}` : `${scope}:${id}`;
}

/**
 * The key of a job's end. The delivered event and the polled one both claim it, so that only one
 * of them is published.
 *
 * @param endId as in the record header `bridge-outcome`.
 */
export function jobEndKey(endId: string): string {
  return `outcome:${endId}`;
}

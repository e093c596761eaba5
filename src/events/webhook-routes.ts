/**
 * Paths on the public port, behind the path of `PUBLIC_URL`. The controller, the public listener,
 * the URLs that Gemini is given and the command line all take them from here; the chart's Ingress
 * and HTTPRoute spell them out (`helm/templates`).
 */

/** Path of static webhooks, which Gemini calls for all events of the project. */
export const STATIC_ROUTE = '/webhooks/gemini';

/** Path of a job's own webhook below the static one, as Nest and Express spell a parameter. */
export const JOB_SUBROUTE = 'jobs/:token';

/** The whole path of a job's own webhook. */
export const JOB_ROUTE = `${STATIC_ROUTE}/${JOB_SUBROUTE}`;

const JOB_PATH = new RegExp(`^${jobPath('([^/]+)')}$`);

/** @param token the capability of the job: a secret. */
export function jobPath(token: string): string {
  return `${STATIC_ROUTE}/jobs/${token}`;
}

/**
 * The token of a job's path, whatever its characters; undefined for any other path.
 *
 * @param path without a query.
 */
export function jobTokenIn(path: string): string | undefined {
  return JOB_PATH.exec(path)?.[1];
}

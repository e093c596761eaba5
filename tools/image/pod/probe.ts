import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from './spec.js';

/** The container that a probe asks. `url` is undefined until the container listens. */
export interface Probed {
  readonly url: string | undefined;
  readonly signal: AbortSignal;
}

/** As kubelet asks: a status from 200 to 399 within the timeout is a success. */
export async function isWell(
  { httpGet, timeoutSeconds }: Probe,
  { url }: Probed,
): Promise<boolean> {
  if (url === undefined) return false;
  const answer = await fetch(`${url}${httpGet.path}`, {
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
    redirect: 'manual',
  }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer !== undefined && answer.status >= 200 && answer.status < 400;
}

/**
 * Asks every period and reports each change: at the first success, and after `failureThreshold`
 * failures in a row.
 */
export async function watch(
  probe: Probe,
  probed: Probed,
  changed: (well: boolean) => void,
): Promise<void> {
  const { periodSeconds, failureThreshold } = probe;
  for (let failures = 0; !probed.signal.aborted;) {
    const well = await isWell(probe, probed);
    if (probed.signal.aborted) return;
    failures = well ? 0 : failures + 1;
    if (well || failures === failureThreshold) changed(well);
    await sleep(periodSeconds * 1000, undefined, { signal: probed.signal }).catch(
      () => undefined,
    );
  }
}

/** Resolves at the first success. @throws {Error} after `failureThreshold` failures, when kubelet kills the container. */
export async function untilStarted(probe: Probe, probed: Probed): Promise<void> {
  for (let failures = 0; failures < probe.failureThreshold; failures++) {
    if (await isWell(probe, probed)) return;
    if (probed.signal.aborted) return;
    await sleep(probe.periodSeconds * 1000);
  }
  throw new Error(`the container did not start: ${probe.httpGet.path} gives no 200`);
}

import type { BridgeProcess } from '../../packages/testbed/src/bridge.js';
import { until } from '../../packages/testbed/src/until.js';

const SHOWN_LINES = 10;

/** Resolves with the first line of the bridge's log that contains the text. A failure shows the last lines. */
export function untilLogged(
  { lines }: Pick<BridgeProcess, 'lines'>,
  text: string,
): Promise<string> {
  return until(
    `a log line with "${text}"`,
    () => lines.find((line) => line.includes(text)),
    {
      state: () => lines.slice(-SHOWN_LINES),
    },
  );
}

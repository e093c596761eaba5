/**
 * Sets the clock of one replica wrong. `Date` is off by CLOCK_SKEW_MS, or by the number in the file CLOCK_SKEW_FILE,
 * which is read twice a second. `performance.now()` is not changed, as a machine's monotonic clock is not.
 * Use: NODE_OPTIONS=--import=file:///…/clock.mjs
 */
import { readFileSync } from 'node:fs';

const { CLOCK_SKEW_MS, CLOCK_SKEW_FILE } = process.env;
const INTERVAL_MS = 500;

const RealDate = Date;
const realNow = Date.now.bind(Date);
let skewMs = Number(CLOCK_SKEW_MS ?? 0);

RealDate.now = () => realNow() + skewMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length > 0 ? given : [RealDate.now()], newTarget),
  apply: () => new Date().toString(),
});
RealDate.prototype.constructor = globalThis.Date;

/** Reads the file. Ignores a text that is not a number, such as a file that is being written. */
function readSkew() {
  try {
    const text = readFileSync(CLOCK_SKEW_FILE, 'utf8').trim();
    const given = Number(text);
    if (text !== '' && Number.isFinite(given)) skewMs = given;
  } catch {
    // the file does not exist yet
  }
}

if (CLOCK_SKEW_FILE) {
  readSkew();
  setInterval(readSkew, INTERVAL_MS).unref();
}

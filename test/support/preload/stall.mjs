/**
 * Stalls one replica while its sockets stay open: each line appended to the file STALL_FILE blocks the event loop for
 * that many ms. Lines from before the start are ignored.
 * Use: NODE_OPTIONS=--import=file:///…/stall.mjs
 */
import { readFileSync } from 'node:fs';

const { STALL_FILE } = process.env;
const INTERVAL_MS = 100;
const never = new Int32Array(new SharedArrayBuffer(4));

/** The complete lines of the file. The last line may be half written. */
function readLines() {
  try {
    return readFileSync(STALL_FILE, 'utf8').split('\n').slice(0, -1);
  } catch {
    return []; // the file does not exist yet
  }
}

let done = readLines().length;

function stallForNewLines() {
  const lines = readLines();
  for (const line of lines.slice(done)) {
    const ms = Number(line);
    if (ms > 0) Atomics.wait(never, 0, 0, ms);
  }
  done = lines.length;
}

if (STALL_FILE) setInterval(stallForNewLines, INTERVAL_MS).unref();

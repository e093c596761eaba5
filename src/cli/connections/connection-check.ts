import { problemLine, type Problem } from '../../config/problem.js';

/** A server that the bridge needs, and how to find out whether it can be used. */
export interface ConnectionCheck {
  /** Such as `Kafka`. */
  readonly target: string;
  /** Its address, without user and password. */
  readonly address: string;
  /** Setting of the address, for a check that does not end in time. */
  readonly setting: string;
  /**
   * @param signal aborted when the time is over.
   * @returns what it found, in words.
   * @throws {ConnectionError} for a server that cannot be used.
   */
  readonly run: (signal: AbortSignal) => Promise<string>;
}

/** Why a server cannot be used. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';

  /** @param problem text: a sentence with setting and remedy. */
  constructor(problem: Problem | string) {
    super(typeof problem === 'string' ? problem : problemLine(problem));
  }
}

export interface ConnectionResult {
  readonly target: string;
  readonly ok: boolean;
  /** The finding, or the problem and its remedy. */
  readonly detail: string;
}

export interface ConnectOptions {
  /** For each check, in ms. */
  readonly limitMs: number;
  /** Receives a line before each check. */
  readonly progress: (line: string) => void;
}

/** Runs the checks one after the other, each within its time limit. */
export async function runChecks(
  checks: readonly ConnectionCheck[],
  { limitMs, progress }: ConnectOptions,
): Promise<ConnectionResult[]> {
  const results: ConnectionResult[] = [];
  for (const check of checks) {
    const { target, address } = check;
    progress(`asking ${target} at ${address} (at most ${limitMs / 1000} s) …`);
    try {
      const detail = await within(limitMs, check);
      results.push({ target, ok: true, detail });
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      results.push({ target, ok: false, detail: error.message });
    }
  }
  return results;
}

async function within(limitMs: number, check: ConnectionCheck): Promise<string> {
  const ending = new AbortController();
  const late = new Promise<never>((_, reject) => {
    ending.signal.addEventListener('abort', () => reject(lateError(check, limitMs)));
  });
  const timer = setTimeout(() => ending.abort(), limitMs);
  try {
    return await Promise.race([check.run(ending.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

function lateError({ setting, address }: ConnectionCheck, limitMs: number) {
  return new ConnectionError({
    setting,
    got: `${address}, which did not answer within ${limitMs / 1000} s`,
    wants: 'a server that answers',
    remedy: 'check the address and what lies between (firewall, NetworkPolicy, proxy)',
  });
}

import { SignatureError } from '../../src/signature/signature.error.js';

/** The fault of the `SignatureError` that `run` throws, or undefined if it throws nothing. Rethrows other errors. */
export async function faultOf(run: () => unknown): Promise<string | undefined> {
  try {
    await run();
  } catch (error) {
    if (error instanceof SignatureError) return error.fault;
    throw error;
  }
  return undefined;
}

/** A replica of the bridge, as the sender sees it. */
export interface Replica {
  readonly index: number;
  /** Base URL of its public port, without a slash at the end. Undefined while it is down. */
  readonly url: string | undefined;
  readonly hasBeenFaulted?: boolean;
}

/** Name of a replica in the journal. */
export function replicaName(index: number): string {
  return `replica-${index}`;
}

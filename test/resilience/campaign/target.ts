/** What the sender needs to know of a replica of the bridge. */
export interface Replica {
  readonly index: number;
  /** Base of its public port, without a slash at the end; undefined while it is down. */
  readonly url: string | undefined;
  readonly hasBeenFaulted?: boolean;
}

/** How a replica is called in the journal's faults. */
export function replicaName(index: number): string {
  return `replica-${index}`;
}

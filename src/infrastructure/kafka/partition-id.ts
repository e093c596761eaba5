/** One partition of a topic. */
export interface PartitionId {
  readonly topic: string;
  readonly partition: number;
}

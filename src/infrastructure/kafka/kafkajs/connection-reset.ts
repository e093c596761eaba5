import { internalModule } from './internals.js';

/** The parts of kafkajs's `Connection` that hold a response of which only a part has arrived. */
interface Connection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect: (this: Connection) => Promise<boolean>;
}

/** The length field before each response, in bytes: what a new connection waits for first. */
const LENGTH_BYTES = 4;

/**
 * Makes a `Connection` of kafkajs drop a half-received response when it connects again.
 *
 * kafkajs 2.2.4 reuses the object after a connection error and reads the old bytes as the
 * beginning of the new connection's first response. From then on it understands no response,
 * and every request times out.
 */
export function installConnectionReset(): void {
  const { prototype } = internalModule('network/connection') as { prototype: Connection };
  const { connect } = prototype;
  prototype.connect = function connectAfresh(this: Connection): Promise<boolean> {
    if (!this.isConnected()) {
      this.chunks = [];
      this.bytesBuffered = 0;
      this.bytesNeeded = LENGTH_BYTES;
    }
    return connect.call(this);
  };
}

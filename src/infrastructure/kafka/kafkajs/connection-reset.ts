import { patchKafkajs } from './patch.js';

/** The parts of kafkajs's `Connection` that hold an answer that has come in part. */
interface Connection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect: (this: Connection) => Promise<boolean>;
}

const MODULE = 'kafkajs/src/network/connection';
/** The length that precedes an answer, in bytes: all that is needed to begin with. */
const LENGTH_BYTES = 4;

/**
 * Makes kafkajs forget half an answer when it connects again.
 *
 * kafkajs 2.2.4 uses the same object for the next connection after one broke by an error,
 * and reads what was left of the old one as the beginning of the new one's first answer:
 * from then on no answer is understood, and every request times out, for ever.
 *
 * @throws {TypeError} when kafkajs is not the version that this was made for.
 */
export function installConnectionReset(): void {
  patchKafkajs<Connection>(MODULE, ['connect', 'isConnected'], (prototype) => {
    const { connect } = prototype;
    prototype.connect = function reset(this: Connection): Promise<boolean> {
      if (!this.isConnected()) {
        this.chunks = [];
        this.bytesBuffered = 0;
        this.bytesNeeded = LENGTH_BYTES;
      }
      return connect.call(this);
    };
  });
}

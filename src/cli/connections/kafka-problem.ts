import type { Config } from '../../config/config.js';
import type { Problem } from '../../config/problem.js';
import {
  codeOf,
  isUnknownAuthority,
  isWithoutTls,
  networkFault,
} from './network-fault.js';

/** The members of kafkajs's errors that tell them apart. */
interface KafkaFailure {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly broker?: string;
  readonly cause?: unknown;
}

const NEEDS_CERTIFICATE = /ALERT_BAD_CERTIFICATE|CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/;

/** Names the setting and the remedy for an error of kafkajs, without its own words. */
export function kafkaProblem(error: unknown, { kafka }: Config): Problem {
  const failure = rootOf(error as KafkaFailure);
  const broker = failure.broker ?? kafka.brokers.join(',');
  return (
    saslProblem(failure, kafka) ??
    rightsProblem(failure) ??
    tlsProblem(failure, broker, kafka) ??
    closedProblem(failure, broker, kafka) ?? {
      setting: 'KAFKA_BROKERS',
      got: `${broker}, ${faultOf(failure)}`,
      wants: 'a broker that the bridge can reach',
      remedy: 'check the address and what lies between (firewall, NetworkPolicy)',
    }
  );
}

function faultOf(failure: KafkaFailure): string {
  const { message = '', type } = failure;
  if (/timeout|no answer/i.test(message)) return 'which does not answer';
  return type === undefined ? networkFault(failure) : `which answers ${type}`;
}

/** kafkajs wraps the last failure into one about its retries. */
function rootOf(failure: KafkaFailure): KafkaFailure {
  const isWrapper = failure.name === 'KafkaJSNumberOfRetriesExceeded';
  return isWrapper && failure.cause ? rootOf(failure.cause) : failure;
}

function saslProblem(
  { name, message = '', type }: KafkaFailure,
  { sasl }: Config['kafka'],
): Problem | undefined {
  if (type === 'ILLEGAL_SASL_STATE' || /not supported by the server/.test(message)) {
    return {
      setting: 'KAFKA_SASL_MECHANISM',
      got: `${sasl?.mechanism}, which the listener of the broker does not offer`,
      wants: 'a mechanism of that listener, or none for a listener without SASL',
      remedy: 'correct KAFKA_SASL_MECHANISM, or name another port in KAFKA_BROKERS',
    };
  }
  if (name !== 'KafkaJSSASLAuthenticationError') return undefined;
  const isToken = sasl?.mechanism === 'oauthbearer';
  return {
    setting: isToken ? 'KAFKA_SASL_TOKEN_FILE' : 'KAFKA_SASL_PASSWORD',
    got: isToken
      ? 'a token that the broker refuses'
      : 'a user or a password that the broker refuses',
    wants: 'credentials of a user that the broker knows for this mechanism',
    remedy: isToken
      ? 'renew the token in KAFKA_SASL_TOKEN_FILE'
      : 'correct KAFKA_SASL_USERNAME, and KAFKA_SASL_PASSWORD or its file',
  };
}

function rightsProblem({ type }: KafkaFailure): Problem | undefined {
  if (type !== 'TOPIC_AUTHORIZATION_FAILED' && type !== 'CLUSTER_AUTHORIZATION_FAILED') {
    return undefined;
  }
  return {
    setting: 'KAFKA_SASL_USERNAME',
    got: 'a user without the right to describe the topics and their configuration',
    wants: 'DESCRIBE and DESCRIBE_CONFIGS on the topics of TOPIC_PREFIX',
    remedy: 'grant them (docs/how-to/secure-kafka.md lists all rights)',
  };
}

function tlsProblem(
  failure: KafkaFailure,
  broker: string,
  { tls }: Config['kafka'],
): Problem | undefined {
  if (isUnknownAuthority(failure)) {
    const isGiven = tls?.ca !== undefined;
    return {
      setting: 'KAFKA_TLS_CA_FILE',
      got: isGiven ? `a CA that has not signed the certificate of ${broker}` : 'nothing',
      wants: `the CA that has signed the certificate of ${broker}`,
      remedy: isGiven ? 'put that CA into the file' : 'set KAFKA_TLS_CA_FILE',
    };
  }
  if (isWithoutTls(failure)) {
    return {
      setting: 'KAFKA_TLS',
      got: `TLS for ${broker}, ${networkFault(failure)}`,
      wants: 'a listener with TLS, or KAFKA_TLS=false',
      remedy: 'name the TLS port in KAFKA_BROKERS, or set KAFKA_TLS=false',
    };
  }
  if (!NEEDS_CERTIFICATE.test(codeOf(failure) ?? '')) return undefined;
  const isGiven = tls?.cert !== undefined;
  return {
    setting: 'KAFKA_TLS_CERT_FILE',
    got: isGiven ? `a certificate that ${broker} refuses` : 'nothing',
    wants: `a client certificate that ${broker} accepts`,
    remedy: 'set KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE to such a certificate',
  };
}

/** A broker closes the connection of a client that speaks without TLS or SASL where it wants one. */
function closedProblem(
  { name }: KafkaFailure,
  broker: string,
  { tls, sasl }: Config['kafka'],
): Problem | undefined {
  if (name !== 'KafkaJSConnectionClosedError') return undefined;
  const got = `nothing, and ${broker} closes the connection`;
  const wants = 'the security of that listener';
  if (!tls) {
    const remedy = 'set KAFKA_TLS=true and KAFKA_TLS_CA_FILE, or name a port without TLS';
    return { setting: 'KAFKA_TLS', got, wants, remedy };
  }
  if (!sasl) {
    const remedy = 'set KAFKA_SASL_MECHANISM, or name a port without SASL';
    return { setting: 'KAFKA_SASL_MECHANISM', got, wants, remedy };
  }
  return undefined;
}

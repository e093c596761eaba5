import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Given } from '../config/environment.js';
import { ConfigError, type ConfigWarning, type Problem } from '../config/problem.js';

/** Addresses of the two listeners. An undefined host is all addresses. */
interface Listeners {
  readonly port: number;
  readonly internalPort: number;
  readonly host: string | undefined;
}

type ListenFailure = NodeJS.ErrnoException & { readonly port?: number };

/** Resolves `HOST` and binds a free port to it for a moment. */
export async function hostProblems({ HOST: host }: Given): Promise<Problem[]> {
  if (host === undefined) return [];
  const failure = await bindFailure(0, host);
  return failure === undefined ? [] : [listenProblem(failure, 'PORT', 0, host)];
}

/**
 * Binds each port for a moment. A port in use is no problem but a warning: the bridge of this
 * environment itself may use it.
 */
export async function portFindings({ port, internalPort, host }: Listeners): Promise<{
  problems: readonly Problem[];
  warnings: readonly ConfigWarning[];
}> {
  const problems: Problem[] = [];
  const warnings: ConfigWarning[] = [];
  const settings = [['PORT', port] as const, ['INTERNAL_PORT', internalPort] as const];
  for (const [setting, value] of settings) {
    const failure = await bindFailure(value, host);
    if (failure?.code === 'EADDRINUSE') {
      const warning = `${value} is in use here; another bridge cannot start beside what uses it`;
      warnings.push({ setting, warning });
    } else if (failure) {
      problems.push(listenProblem(failure, setting, value, host));
    }
  }
  return { problems, warnings };
}

/** Runs `listen`. @throws {ConfigError} naming the setting of the listener that does not open. */
export async function namingListener<T>(
  { port, internalPort, host }: Listeners,
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const failure = error as ListenFailure;
    if (failure.syscall !== 'listen' && failure.syscall !== 'getaddrinfo') throw error;
    const isInternal = failure.port === internalPort && failure.port !== port;
    const setting = isInternal ? 'INTERNAL_PORT' : 'PORT';
    throw new ConfigError([listenProblem(failure, setting, failure.port ?? port, host)]);
  }
}

async function bindFailure(
  port: number,
  host: string | undefined,
): Promise<ListenFailure | undefined> {
  const server = createServer();
  try {
    server.listen({ port, ...(host !== undefined && { host }) });
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return error as ListenFailure;
  } finally {
    server.close();
  }
}

function listenProblem(
  { code = 'unknown', syscall }: ListenFailure,
  setting: string,
  port: number,
  host: string | undefined,
): Problem {
  const wants = 'a free port that the bridge may open';
  if (code === 'EADDRINUSE') {
    const got = `${port}, which another process uses`;
    const remedy = `stop that process, or set ${setting} to another port`;
    return { setting, got, wants, remedy };
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const got = `${port}, which the user of the bridge may not open`;
    return { setting, got, wants, remedy: `set ${setting} to a port from 1024` };
  }
  const isUnknown = syscall === 'getaddrinfo';
  return {
    setting: 'HOST',
    got: `${host}, which ${isUnknown ? 'is no known host name' : 'is no address of this machine'} (${code})`,
    wants: 'an address of this machine, such as 127.0.0.1',
    remedy: 'correct HOST, or unset it for all addresses',
  };
}

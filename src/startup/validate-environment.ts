import type { Config } from '../config/config.js';
import { givenIn, kubernetesApiIn, loadConfig } from '../config/load-config.js';
import { ConfigError, type ConfigWarning, type Problem } from '../config/problem.js';
import { unknownVariables } from '../config/unknown-variables.js';
import { accessOfPod } from '../signing-secrets/kubernetes-access.js';
import { credentialProblems } from './credential-checks.js';
import { hostProblems } from './listener-checks.js';

/** An environment with which the bridge can start. */
export interface ValidEnvironment {
  readonly config: Config;
  readonly warnings: readonly ConfigWarning[];
}

/**
 * Checks all that the start reads: the variables, and what the modules parse later, which is
 * secrets, tokens, keys and certificates. The start and `config check` both call it, so that they
 * agree.
 *
 * @throws {ConfigError} with every problem and warning.
 */
export async function validateEnvironment(
  env: NodeJS.ProcessEnv,
): Promise<ValidEnvironment> {
  const given = givenIn(env);
  const warnings = unknownVariables(env);
  const loaded = problemsOr(() => loadConfig(env));
  const problems = [
    ...loaded.problems,
    ...credentialProblems(given),
    ...podProblems(env),
    ...(await hostProblems(given)),
  ];
  if (!loaded.value || problems.length > 0) throw new ConfigError(problems, warnings);
  return { config: loaded.value, warnings };
}

/** The secrets store in Kubernetes needs the service account of a pod. */
function podProblems(env: NodeJS.ProcessEnv): readonly Problem[] {
  const isNeeded = env['VAULT_KUBERNETES_SECRET'] && env['VAULT_KEYS_FILE'];
  return isNeeded ? problemsOr(() => accessOfPod(kubernetesApiIn(env))).problems : [];
}

function problemsOr<T>(work: () => T): {
  readonly value?: T;
  readonly problems: readonly Problem[];
} {
  try {
    return { value: work(), problems: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    throw error;
  }
}

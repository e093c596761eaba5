import { join } from 'node:path';
import { FormError } from '../config/problem.js';
import { readSettingFile } from '../config/setting-file.js';
import { namingSetting } from '../infrastructure/files/watched-file.js';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Address and credentials of the Kubernetes API server. */
export interface KubernetesAccess {
  /** Without a trailing slash. */
  readonly url: string;
  /** Read at each call, because Kubernetes renews the token. */
  readonly tokenFile: string;
  /** Undefined for the certificate authorities of the system. */
  readonly caFile: string | undefined;
  readonly namespace: string;
}

/**
 * The access that Kubernetes gives every pod.
 *
 * @param api URL of the API server; undefined outside a pod.
 * @throws {ConfigError} outside a pod, or without a service account token.
 */
export function accessOfPod(api: string | undefined): KubernetesAccess {
  return namingSetting('VAULT_KUBERNETES_SECRET', () => {
    if (api === undefined) {
      throw new FormError(
        'a Secret, outside a pod (KUBERNETES_SERVICE_HOST is not set)',
        'a bridge in a pod of the cluster of the Secret',
        'run this in a pod, or set VAULT_FILE or REDIS_URL instead',
      );
    }
    return {
      url: api,
      tokenFile: accountFile('token').path,
      caFile: accountFile('ca.crt').path,
      namespace: accountFile('namespace').text.trim(),
    };
  });
}

/** @throws {FormError} for a pod without the token of its service account. */
function accountFile(name: string): { readonly path: string; readonly text: string } {
  const path = join(ACCOUNT, name);
  try {
    return { path, text: readSettingFile(path) };
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    const wants = 'a pod that has the token of its service account';
    const remedy = 'set automountServiceAccountToken: true for the pod';
    throw new FormError(`a pod with ${error.got}`, wants, remedy);
  }
}

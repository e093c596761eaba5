import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { imageNode } from '../../packages/testbed/src/image-node.js';
import { toStderr } from '../../packages/testbed/src/process/log.js';
import type { Mount } from './sandbox/confinement.js';
import {
  startSandbox,
  type SandboxOptions,
  type SandboxProcess,
} from './sandbox/sandbox.js';
import type { Image } from './image.js';

/** Options of one container. The image's configuration holds for what is absent. */
export interface ContainerOptions extends Omit<SandboxOptions, 'command'> {
  /** Replaces the ENTRYPOINT. */
  readonly command?: readonly string[];
}

/** Runs the image as a container engine would, under the restrictions of the sandbox. */
export async function startContainer(
  { root, config }: Image,
  options: ContainerOptions = {},
): Promise<SandboxProcess> {
  const [uid, gid] = config.user.split(':').map(Number);
  const own = readdirSync(root).map((name): Mount => ({
    from: join(root, name),
    to: `/${name}`,
  }));
  return startSandbox({
    node: await imageNode(toStderr),
    uid: uid ?? 0,
    gid: gid ?? 0,
    cwd: config.workdir,
    command: config.entrypoint,
    ...options,
    env: { ...config.env, ...options.env },
    mounts: [...own, ...(options.mounts ?? [])],
  });
}

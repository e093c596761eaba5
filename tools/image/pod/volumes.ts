import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from '../sandbox/confinement.js';
import { SecretVolume, type VolumeData } from '../sandbox/secret-volume.js';
import { valueOf, type Container, type Namespace, type PodSpec } from './spec.js';

type Volume = PodSpec['volumes'][number];

/** A pod's volumes as folders of this machine, and their mounts. */
export class PodVolumes {
  private constructor(
    private readonly spec: PodSpec,
    private readonly projected: ReadonlyMap<Volume, SecretVolume>,
  ) {}

  /** @param folder must be empty. */
  static async create(
    spec: PodSpec,
    namespace: Namespace,
    folder: string,
  ): Promise<PodVolumes> {
    const { fsGroup } = spec.securityContext;
    const projected = new Map<Volume, SecretVolume>();
    for (const volume of spec.volumes) {
      if (!volume.projected) continue;
      const path = join(folder, volume.name);
      await mkdir(path);
      const options = { mode: volume.projected.defaultMode, fsGroup };
      const data = projection(volume, namespace);
      projected.set(volume, await SecretVolume.create(path, data, options));
    }
    return new PodVolumes(spec, projected);
  }

  /** Writes the changed objects, as kubelet does within a minute after a change. */
  async update(namespace: Namespace): Promise<void> {
    for (const [volume, files] of this.projected) {
      await files.update(projection(volume, namespace));
    }
  }

  mountsOf({ volumeMounts }: Container): Mount[] {
    return volumeMounts.map(({ name, mountPath: to, readOnly }) => {
      const volume = this.spec.volumes.find((one) => one.name === name);
      const files = volume && this.projected.get(volume);
      if (files && readOnly) return { from: files.path, to };
      const limit = volume?.emptyDir?.sizeLimit;
      if (limit === undefined) throw new Error(`volume ${name} is of no known kind`);
      return { to, sizeMiB: Number.parseInt(limit, 10) };
    });
  }
}

function projection({ projected }: Volume, { secrets }: Namespace): VolumeData {
  const files = (projected?.sources ?? []).flatMap(({ secret: { name, items } }) =>
    items.map(({ key, path }) => [path, valueOf(secrets, name, key)]),
  );
  return Object.fromEntries(files) as VolumeData;
}

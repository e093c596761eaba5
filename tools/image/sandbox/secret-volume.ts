import {
  chmod,
  chown,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

const DATA = '..data';
const GROUP_READS_FILE = 0o440;
const GROUP_READS_FOLDER = 0o550;

/** Contents by path in the volume: a key of a Secret's `stringData`, or the `path` of an item of a projected volume. */
export type VolumeData = Readonly<Record<string, string>>;

export interface VolumeOptions {
  /** `defaultMode` of the volume. */
  readonly mode?: number;
  /** `fsGroup` of the pod: the group that owns and may read the files. */
  readonly fsGroup?: number;
}

/**
 * A Secret or ConfigMap on disk, written as kubelet does. Each file is a link into `..data`, which is a
 * link to a folder named by time. An update makes a new folder and replaces that one link, so a reader
 * sees either all old files or all new ones.
 *
 * @see https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
 */
export class SecretVolume {
  private updates = 0;

  private constructor(
    readonly path: string,
    private readonly options: VolumeOptions,
  ) {}

  /** @param path a folder that does not exist or is empty. */
  static async create(
    path: string,
    data: VolumeData,
    options: VolumeOptions = {},
  ): Promise<SecretVolume> {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o755);
    const volume = new SecretVolume(path, options);
    await volume.update(data);
    return volume;
  }

  /** Replaces all files in one step. */
  async update(data: VolumeData): Promise<void> {
    const before = await readlink(join(this.path, DATA)).catch(() => undefined);
    const folder = await this.written(data);
    const draft = join(this.path, '..data_tmp');
    await symlink(folder, draft);
    await rename(draft, join(this.path, DATA));
    await this.relink(
      new Set(Object.keys(data).map((file) => file.split('/', 1)[0] as string)),
    );
    if (before !== undefined) await rm(join(this.path, before), { recursive: true });
  }

  private async written(data: VolumeData): Promise<string> {
    const { mode = 0o644, fsGroup } = this.options;
    const stamp = new Date()
      .toISOString()
      .slice(0, 19)
      .replace('T', '_')
      .replaceAll(/[-:]/g, '_');
    const name = `..${stamp}.${String(++this.updates).padStart(9, '0')}`;
    const folder = join(this.path, name);
    await mkdir(folder);
    await this.give(folder, 0o755, GROUP_READS_FOLDER);
    for (const [file, text] of Object.entries(data)) {
      const path = join(folder, file);
      await this.makeFolders(folder, file);
      await writeFile(path, text);
      await this.give(path, mode, GROUP_READS_FILE);
    }
    if (fsGroup !== undefined) await chown(this.path, -1, fsGroup);
    return name;
  }

  private async makeFolders(folder: string, file: string): Promise<void> {
    const names = file.split('/').slice(0, -1);
    for (const [i] of names.entries()) {
      const path = join(folder, ...names.slice(0, i + 1));
      await mkdir(path, { recursive: true });
      await this.give(path, 0o755, GROUP_READS_FOLDER);
    }
  }

  /** Calls `chmod`: the mode of a new file depends on the umask of this process. */
  private async give(path: string, mode: number, forGroup: number): Promise<void> {
    const { fsGroup } = this.options;
    if (fsGroup !== undefined) await chown(path, -1, fsGroup);
    await chmod(path, fsGroup === undefined ? mode : mode | forGroup);
  }

  /** @param names of the entries at the top of the volume. */
  private async relink(names: ReadonlySet<string>): Promise<void> {
    const there = (await readdir(this.path)).filter((name) => !name.startsWith('..'));
    for (const name of there.filter((each) => !names.has(each))) {
      await rm(join(this.path, name));
    }
    for (const name of [...names].filter((each) => !there.includes(each))) {
      await symlink(join(DATA, name), join(this.path, name));
    }
  }
}

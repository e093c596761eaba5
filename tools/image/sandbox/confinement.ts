import { existsSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import type { Tools } from './availability.js';

/** A file or folder of this machine that the process sees, read-only unless `writable`. */
export interface BoundMount {
  /** A folder or a file of this machine. */
  readonly from: string;
  /** Absolute path in the sandbox. */
  readonly to: string;
  readonly writable?: boolean;
}

/** An empty folder in memory that every user may write, like an `emptyDir`. */
export interface EmptyMount {
  readonly to: string;
  readonly sizeMiB: number;
}

export type Mount = BoundMount | EmptyMount;

export interface Confinement {
  /** An empty folder. The root of the sandbox is mounted over it. */
  readonly root: string;
  readonly mounts: readonly Mount[];
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, such as `fsGroup`. */
  readonly groups: readonly number[];
  readonly cwd: string;
}

/** Folders of this machine in the place of the base image: libc, tools, certificates, host names. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const SETTINGS = ['ssl', 'ca-certificates', 'hosts', 'resolv.conf', 'nsswitch.conf'];
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom'];

/**
 * A script for `sh -e` in new mount and PID namespaces. It prints its pid in this machine's namespace
 * and then *becomes* the command in `"$@"`, with a read-only root of its own, without capabilities and
 * unable to gain any. A container of Kubernetes also has a seccomp filter, a network of its own and
 * the limits of cgroups.
 */
export function confinementScript(plan: Confinement, tools: Tools): string {
  const root = quote(plan.root);
  const inRoot = (path: string) => quote(`${plan.root}${path}`);
  const bind = (from: string, to: string, options: string) => [
    `${tools.mount} --bind ${quote(from)} ${inRoot(to)}`,
    `${tools.mount} -o remount,bind,nosuid,${options} ${inRoot(to)}`,
  ];
  const place = (from: string, to: string) =>
    // A missing path fails in the script, like every other error
    (statSync(from, { throwIfNoEntry: false })?.isDirectory() ?? true)
      ? [`/bin/mkdir -p ${inRoot(to)}`]
      : [`/bin/mkdir -p ${inRoot(parentOf(to))}`, `: >> ${inRoot(to)}`];
  const system = [...SYSTEM, ...SETTINGS.map((name) => `/etc/${name}`)];
  return [
    // /proc is still this machine's. A builtin reads it: another command would read its own entry
    'read -r pid rest < /proc/self/stat',
    'umask 022',
    `${tools.mount} -t tmpfs -o mode=755 sandbox ${root}`,
    ...system
      .filter((path) => existsSync(path))
      .flatMap((path) =>
        lstatSync(path).isSymbolicLink() && SYSTEM.includes(path)
          ? [`/bin/ln -s ${quote(readlinkSync(path))} ${inRoot(path)}`]
          : [...place(path, path), ...bind(path, path, 'ro,nodev')],
      ),
    ...DEVICES.flatMap((name) => [
      ...place(`/dev/${name}`, `/dev/${name}`),
      ...bind(`/dev/${name}`, `/dev/${name}`, 'rw'),
    ]),
    `/bin/ln -s /proc/self/fd ${inRoot('/dev/fd')}`,
    ...plan.mounts.flatMap((mount) =>
      'from' in mount
        ? [
            ...place(mount.from, mount.to),
            ...bind(mount.from, mount.to, mount.writable ? 'rw,nodev' : 'ro,nodev'),
          ]
        : [
            `/bin/mkdir -p ${inRoot(mount.to)}`,
            `${tools.mount} -t tmpfs -o mode=1777,nosuid,nodev,size=${mount.sizeMiB}m empty ${inRoot(mount.to)}`,
          ],
    ),
    `/bin/mkdir -p ${inRoot('/proc')} ${inRoot('/.outside')}`,
    `${tools.mount} -t proc -o nosuid,nodev,noexec proc ${inRoot('/proc')}`,
    `cd ${root}`,
    `${tools.pivot_root} . .outside`,
    'cd /',
    `${tools.umount} -l /.outside`,
    '/bin/rmdir /.outside',
    `${tools.mount} -o remount,ro /`,
    `cd ${quote(plan.cwd)}`,
    'unset OLDPWD PWD', // the shell sets them, and the environment must be the given one
    'echo "$pid"',
    `exec ${tools.setpriv} ${privileges(plan)} -- "$@"`,
  ].join('\n');
}

function privileges({ uid, gid, groups }: Confinement): string {
  return [
    `--reuid=${uid} --regid=${gid}`,
    groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
    '--no-new-privs --bounding-set=-all --inh-caps=-all',
    // A change of the user clears this flag, so it is set again: the command must end with unshare
    '--pdeathsig=KILL',
  ].join(' ');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

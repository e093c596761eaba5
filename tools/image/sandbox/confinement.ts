import { existsSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import type { Tools } from './availability.js';

/** Something of this machine where the process sees it: read-only, unless it says otherwise. */
export interface BoundMount {
  /** A folder or a file of this machine. */
  readonly from: string;
  /** Absolute, in the sandbox. */
  readonly to: string;
  readonly writable?: boolean;
}

/** An empty folder in memory that everybody may write, as an `emptyDir` is. */
export interface EmptyMount {
  readonly to: string;
  readonly sizeMiB: number;
}

export type Mount = BoundMount | EmptyMount;

export interface Confinement {
  /** An empty folder, over which the root is mounted. */
  readonly root: string;
  readonly mounts: readonly Mount[];
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups: `fsGroup` is one. */
  readonly groups: readonly number[];
  readonly cwd: string;
}

/** What a base image has, and we do not: libc, the tools, the certificates, the names of hosts. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const SETTINGS = ['ssl', 'ca-certificates', 'hosts', 'resolv.conf', 'nsswitch.conf'];
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom'];

/**
 * A script for `sh -e` in new mount and PID namespaces. It prints its pid as this machine counts, and
 * *becomes* the command in `"$@"`: with a root of its own, read-only as a whole, no capability, and
 * no way to get one. What it lacks of a container of Kubernetes: the seccomp filter, a network of its
 * own, and the limits of cgroups.
 */
export function confining(plan: Confinement, tools: Tools): string {
  const root = quote(plan.root);
  const inRoot = (path: string) => quote(`${plan.root}${path}`);
  const bind = (from: string, to: string, options: string) => [
    `${tools.mount} --bind ${quote(from)} ${inRoot(to)}`,
    `${tools.mount} -o remount,bind,nosuid,${options} ${inRoot(to)}`,
  ];
  const place = (from: string, to: string) =>
    // What is missing fails in the script, where everything else does
    (statSync(from, { throwIfNoEntry: false })?.isDirectory() ?? true)
      ? [`/bin/mkdir -p ${inRoot(to)}`]
      : [`/bin/mkdir -p ${inRoot(parentOf(to))}`, `: >> ${inRoot(to)}`];
  const system = [...SYSTEM, ...SETTINGS.map((name) => `/etc/${name}`)];
  return [
    // The /proc of this machine still: a builtin reads it, so that it is the shell's own
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
    'unset OLDPWD PWD', // the environment is what was given, and PATH
    'echo "$pid"',
    `exec ${tools.setpriv} ${privileges(plan)} -- "$@"`,
  ].join('\n');
}

function privileges({ uid, gid, groups }: Confinement): string {
  return [
    `--reuid=${uid} --regid=${gid}`,
    groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
    '--no-new-privs --bounding-set=-all --inh-caps=-all',
    // Another user clears it, and who dies with unshare must not outlive it
    '--pdeathsig=KILL',
  ].join(' ');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

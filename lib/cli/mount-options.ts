/** `-o opt[,opt…]`, as mount(8) and fstab give it. One table says what each option means. */
import { InvalidArgumentError } from 'commander';
import { getegid, geteuid } from '../user.js';

/** What feeds the engine: `--host`. `auto` is cgroups where they can be written, else /proc; `none` nothing. */
export const hostNames = ['auto', 'cgroup', 'procfs', 'none'] as const;
export type HostName = (typeof hostNames)[number];

/** What the options ask for. Serialisable: the daemon gets it as a message. */
export interface MountSettings {
  ro: boolean;
  allowOther: boolean;
  nonempty: boolean;
  strict: boolean;
  /** Take the mount away when the daemon is killed. */
  autoUnmount: boolean;
  /** Seconds that a request may take before the mount is ended; 0: for ever. */
  watchdog: number;
  uid: number;
  gid: number;
  /** Seconds between two samples of what is read process by process. */
  interval: number;
  /** The name of bcfs's own directory in each hierarchy of cgroups. */
  cgroup: string;
  /** When the whole machine is short of memory, kill in the beancounter most above its barrier. */
  oom: boolean;
  /** Take moves by those to whom `tasks` was given, though the transport does not tell who they are. */
  trust: boolean;
  /** Kernel mount flags to pass on. */
  flags: string[];
}

type Apply = (settings: MountSettings, value: string) => void;

/** uid and gid: 32 bits, and the last value means "none" to the kernel. */
const MAX_OWNER = 2 ** 32 - 2;

/** Seconds. */
const DEFAULT_WATCHDOG = 20;

/** Seconds: a day. */
const MAX_WATCHDOG = 24 * 60 * 60;

const flag: (
  key: 'ro' | 'allowOther' | 'nonempty' | 'strict' | 'autoUnmount' | 'oom' | 'trust',
  on: boolean,
) => Apply = (key, on) => (settings) => {
  settings[key] = on;
};

const owner: (key: 'uid' | 'gid') => Apply = (key) => (settings, value) => {
  if (!/^[0-9]+$/.test(value) || Number(value) > MAX_OWNER) {
    throw new InvalidArgumentError(`-o ${key}=${value}: not a number from 0 to ${MAX_OWNER}`);
  }
  settings[key] = Number(value);
};

const seconds: (key: 'watchdog') => Apply = (key) => (settings, value) => {
  if (!/^[0-9]+$/.test(value) || Number(value) > MAX_WATCHDOG) {
    throw new InvalidArgumentError(`-o ${key}=${value}: not a number of seconds from 0 to ${MAX_WATCHDOG}`);
  }
  settings[key] = Number(value);
};

/** Seconds: more often would cost more than it tells, less often would tell nothing. */
const INTERVAL = { min: 0.1, max: 3600 };

const interval: Apply = (settings, value) => {
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : NaN;
  if (!(seconds >= INTERVAL.min && seconds <= INTERVAL.max)) {
    throw new InvalidArgumentError(
      `-o interval=${value}: not a number of seconds from ${INTERVAL.min} to ${INTERVAL.max}`,
    );
  }
  settings.interval = seconds;
};

/** Bytes of a file name. */
const MAX_NAME = 255;

const cgroup: Apply = (settings, value) => {
  if (/^\.{0,2}$|[/\0\n]/.test(value) || Buffer.byteLength(value) > MAX_NAME) {
    throw new InvalidArgumentError(`-o cgroup=${value}: not the name of one directory`);
  }
  settings.cgroup = value;
};

const pass: (name: string) => Apply = (name) => (settings) => {
  settings.flags.push(name);
};

/** What fstab has for mount(8) and systemd, not for the file system. */
const ignore: Apply = () => {};

/** The options, as the help and the documentation list them. */
const options: Readonly<Record<string, Apply>> = {
  ro: flag('ro', true),
  rw: flag('ro', false),
  allow_other: flag('allowOther', true),
  nonempty: flag('nonempty', true),
  strict: flag('strict', true),
  auto_unmount: flag('autoUnmount', true),
  noauto_unmount: flag('autoUnmount', false),
  'watchdog=': seconds('watchdog'),
  'uid=': owner('uid'),
  'gid=': owner('gid'),
  'interval=': interval,
  'cgroup=': cgroup,
  oom: flag('oom', true),
  trust: flag('trust', true),
  noexec: pass('noexec'),
  nosuid: pass('nosuid'),
  nodev: pass('nodev'),
  noatime: pass('noatime'),
  defaults: ignore,
  auto: ignore,
  noauto: ignore,
  nofail: ignore,
  _netdev: ignore,
};

export function defaultSettings(): MountSettings {
  return {
    ro: false,
    allowOther: false,
    nonempty: false,
    strict: false,
    autoUnmount: true,
    watchdog: DEFAULT_WATCHDOG,
    // Who mounts: nobody else could use a tree that was another's.
    uid: geteuid(),
    gid: getegid(),
    interval: 1,
    cgroup: process.env['BCFS_CGROUP'] ?? 'bcfs',
    oom: false,
    trust: false,
    flags: [],
  };
}

/**
 * Adds one `-o` argument to what the earlier ones asked for; commander calls it for each.
 *
 * @throws InvalidArgumentError for an option that is not in the table
 */
export function parseMountOptions(argument: string, settings = defaultSettings()): MountSettings {
  for (const option of argument.split(',')) {
    if (option === '' || option.startsWith('x-')) continue;
    const equals = option.indexOf('=');
    const name = equals < 0 ? option : option.slice(0, equals + 1);
    const apply = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!apply)
      throw new InvalidArgumentError(
        `-o ${option}: no such option; there are: ${Object.keys(options).join(' ')}`,
      );
    apply(settings, option.slice(equals + 1));
  }
  return settings;
}

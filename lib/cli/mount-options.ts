/** `-o opt[,opt…]`, as mount(8) and fstab give it. One table says what each option means. */
import { InvalidArgumentError } from 'commander';

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

const flag: (key: 'ro' | 'allowOther' | 'nonempty' | 'strict' | 'autoUnmount', on: boolean) => Apply =
  (key, on) => (settings) => {
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
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
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

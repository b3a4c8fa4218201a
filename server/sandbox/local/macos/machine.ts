/** What the local sandbox uses of macOS; another one stands in its place where a test has no Mac. */
import { homedir } from 'node:os';

export interface Machine {
  sandboxExec: string;
  /** Seen from outside: a confined program may not start it, since it is setuid root. */
  ps: string;
  /** Used inside. */
  pgrep: string;
  bash: string;
  nice: string;
  /** What nothing inside may read. */
  personHome: string;
  /** The PATH of commands. */
  systemPath: string;
  /** One that knows UTF-8: macOS got `C.UTF-8` late. */
  locale: string;
  /** Whose Node the runner runs on. */
  node: 'darwin' | 'linux';
}

export const ON_A_MAC: Machine = {
  sandboxExec: '/usr/bin/sandbox-exec',
  ps: '/bin/ps',
  pgrep: '/usr/bin/pgrep',
  bash: '/bin/bash',
  nice: '/usr/bin/nice',
  personHome: homedir(),
  systemPath: '/opt/homebrew/bin:/opt/homebrew/sbin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  locale: 'en_US.UTF-8',
  node: 'darwin',
};

/** Every way to install touches at least one of these when it changes what is there. */
export const INSTALLED_ON_A_MAC = [
  '/System/Library/CoreServices/SystemVersion.plist',
  '/Library/Developer/CommandLineTools',
  '/Library/Java/JavaVirtualMachines',
  '/Applications/Xcode.app/Contents/version.plist',
  '/opt/homebrew/Cellar',
  '/opt/homebrew/bin',
  '/usr/local/Cellar',
  '/usr/local/bin',
  '/opt/local/var/macports/registry',
  '/nix/var/nix/profiles/default',
];

/**
 * Which system calls a local sandbox's processes may not make, as a program for the kernel: what
 * reaches into other processes, opens kernel interfaces that are not confined by namespaces (keys,
 * BPF, performance events, sockets to the machine below), or makes new namespaces, in which one would
 * have privileges again. Order: architecture → the other ABI's numbers → calls that are refused
 * whole → calls that are refused by an argument → everything else is allowed.
 *
 * Only low words of arguments are looked at where the kernel itself cuts the rest off.
 */
import { assemble } from './bpf.ts';
import type { Line } from './bpf.ts';
import { SYSCALLS } from './syscalls.ts';
import type { SyscallName } from './syscalls.ts';

export type FilterArch = 'x64' | 'arm64';

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
/** For calls whose users fall back when the kernel is too old to have them. */
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;

const NUMBER_AT = 0;
const ARCH_AT = 4;
const argument = (index: number): number => 16 + 8 * index;

const AUDIT_ARCH: Record<FilterArch, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** Numbers from here on are x32's: the same kernel functions by other numbers. */
const X32 = 0x40000000;

const REFUSED: SyscallName[] = [
  // Into other processes.
  ...(['ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'pidfd_getfd', 'kcmp'] as const),
  // Keys of the session, which namespaces don't part.
  ...(['keyctl', 'add_key', 'request_key'] as const),
  // Kernel interfaces that have been a way out before.
  ...(['bpf', 'perf_event_open', 'userfaultfd', 'fanotify_init', 'lookup_dcookie', 'modify_ldt'] as const),
  // Mounts and namespaces.
  ...(['mount', 'umount2', 'pivot_root', 'chroot', 'move_mount', 'open_tree', 'open_tree_attr'] as const),
  ...(['fsopen', 'fsconfig', 'fsmount', 'fspick', 'mount_setattr', 'setns', 'open_by_handle_at'] as const),
  // The machine as a whole.
  ...(['init_module', 'finit_module', 'delete_module', 'kexec_load', 'kexec_file_load', 'reboot'] as const),
  ...(['swapon', 'swapoff', 'acct', 'quotactl', 'quotactl_fd', 'nfsservctl', 'iopl', 'ioperm'] as const),
  ...(['settimeofday', 'clock_settime', 'syslog', 'vhangup'] as const),
  // The processors that a sandbox is held to.
  'sched_setaffinity',
];
/** `clone3` takes its flags from memory, where a filter can't look. */
const NOT_THERE: SyscallName[] = [
  'clone3',
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
  'memfd_secret',
];

/** CLONE_NEW*: mount, cgroup, UTS, IPC, user, PID, network. */
const NEW_NAMESPACES = 0x7e020000;
/** CLONE_NEWTIME is a flag of `unshare` only; in `clone` these bits are a signal. */
const NEW_TIME = 0x80;
/** Typing into a terminal on the person's behalf, and pasting on a console. */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: others (vsock, Bluetooth, …) are not parted by namespaces. */
const FAMILIES = [1, 2, 10, 16];
/** PER_LINUX and PER_LINUX32, with and without UNAME26, and the question what it is. */
const PERSONALITIES = [0, 0x8, 0x20000, 0x20008, 0xffffffff];

export function seccompLines(arch: FilterArch): Line[] {
  const lines: Line[] = [
    { do: 'load', at: ARCH_AT },
    { do: 'jump', when: 'equal', value: AUDIT_ARCH[arch], to: 'ours' },
    { do: 'return', value: KILL },
    { do: 'label', name: 'ours' },
    { do: 'load', at: NUMBER_AT },
  ];
  if (arch === 'x64') lines.push(...refuseWhen('atLeast', X32, ENOSYS, 'x32'));
  const numberOf = (name: SyscallName): number | null => SYSCALLS[name][arch === 'x64' ? 0 : 1];
  const refuse = (name: SyscallName, how: number): void => {
    const number = numberOf(name);
    if (number !== null) lines.push(...refuseWhen('equal', number, how, name));
  };
  for (const name of REFUSED) refuse(name, EPERM);
  for (const name of NOT_THERE) refuse(name, ENOSYS);
  /** What these lines don't return from is allowed. */
  const byArgument = (name: SyscallName, index: number, looked: Line[]): void => {
    lines.push(
      { do: 'jump', when: 'equal', value: numberOf(name) ?? 0, otherwise: `not ${name}` },
      { do: 'load', at: argument(index) },
      ...looked,
      { do: 'return', value: ALLOW },
      { do: 'label', name: `not ${name}` },
    );
  };
  byArgument('clone', 0, refuseWhen('anyBitOf', NEW_NAMESPACES, EPERM, 'clone'));
  byArgument('unshare', 0, refuseWhen('anyBitOf', NEW_NAMESPACES | NEW_TIME, EPERM, 'unshare'));
  byArgument('ioctl', 1, [
    ...refuseWhen('equal', TIOCSTI, EPERM, 'TIOCSTI'),
    ...refuseWhen('equal', TIOCLINUX, EPERM, 'TIOCLINUX'),
  ]);
  byArgument('socket', 0, onlyThese(FAMILIES, EAFNOSUPPORT, 'socket'));
  byArgument('socketpair', 0, onlyThese(FAMILIES, EAFNOSUPPORT, 'socketpair'));
  byArgument('personality', 0, onlyThese(PERSONALITIES, EPERM, 'personality'));
  lines.push({ do: 'return', value: ALLOW });
  return lines;
}

/** What `bwrap --seccomp` takes; null on an architecture that we have no numbers for. */
export function seccompFilter(arch: string): Buffer | null {
  return arch === 'x64' || arch === 'arm64' ? assemble(seccompLines(arch)) : null;
}

function refuseWhen(
  when: 'equal' | 'atLeast' | 'anyBitOf',
  value: number,
  how: number,
  what: string,
): Line[] {
  return [
    { do: 'jump', when, value, otherwise: `else ${what}` },
    { do: 'return', value: how },
    { do: 'label', name: `else ${what}` },
  ];
}

function onlyThese(values: number[], how: number, what: string): Line[] {
  return [
    ...values.map((value): Line => ({ do: 'jump', when: 'equal', value, to: `one of ${what}` })),
    { do: 'return', value: how },
    { do: 'label', name: `one of ${what}` },
  ];
}

/**
 * Ways out of a local sandbox, each a script for its bash. One that has its way prints ESCAPED (or the
 * mark of the world outside); `opens` names what has to be taken away from the sandbox for that.
 */
import { SYSCALLS } from '../../../server/sandbox/local/seccomp/syscalls.ts';
import type { SyscallName } from '../../../server/sandbox/local/seccomp/syscalls.ts';
import type { Weakness, World } from './world.ts';

export interface Attempt {
  name: string;
  script: (world: World) => string;
  opens?: Weakness;
}

const node = (code: string): string => `/opt/codex/tasks/node -e ${quoted(code)}`;
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Refused only when the filter did it: any other error, or none, is an escape. */
function call(name: SyscallName, args: string, errno = 1, opens?: Weakness): Attempt {
  const number = SYSCALLS[name][process.arch === 'arm64' ? 1 : 0] ?? -1;
  // Copies: perl gives the kernel no constants to write to.
  const perl = `@a = (${args}); $! = 0; $r = syscall(${number}, @a); $e = $! + 0; print(($r == -1 && $e == ${errno}) ? "refused\n" : "ESCAPED r=$r e=$e\n"); exit 0`;
  return {
    name: `system call ${name}(${args})`,
    script: () => `perl -e ${quoted(perl)}`,
    ...(opens ? { opens } : {}),
  };
}

const NEW_USER = 0x10000000;
const EACH_OTHER_NEW = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000, 0x80];

export const FILES: Attempt[] = [
  { name: 'reads a key in the person’s ~/.ssh', script: (w) => `cat ${w.sshKey}`, opens: 'files' },
  { name: 'reads the backend’s token', script: (w) => `cat ${w.dataDir}/token`, opens: 'files' },
  { name: 'reads another task’s workspace', script: (w) => `cat ${w.otherFile}`, opens: 'files' },
  {
    name: 'writes outside its folders',
    script: (w) => `echo x > ${w.outside} && echo ESCAPED`,
    opens: 'files',
  },
  { name: 'lists the data folder', script: (w) => `ls ${w.dataDir} && echo ESCAPED`, opens: 'files' },
  {
    name: 'reads through a symbolic link in the workspace',
    script: (w) => `ln -sfn ${w.dataDir} /workspace/link; cat /workspace/link/token`,
    opens: 'files',
  },
  { name: 'reads through /proc/1/root', script: (w) => `cat /proc/1/root${w.sshKey} /proc/1/cwd${w.sshKey}` },
  {
    name: 'reads through the runner’s descriptors',
    script: (w) =>
      `for fd in /proc/[0-9]*/fd/*; do cat "$fd/../outside" "$fd${w.outside}" 2>/dev/null; done; true`,
  },
  { name: 'hard-links a file from outside', script: (w) => `ln ${w.outside} /tmp/l && cat /tmp/l` },
  {
    name: 'climbs out of its mounts',
    script: (w) =>
      `for base in /workspace /tmp /root /run/codex /opt/codex/tasks; do cat "$base/../../../../../../../..${w.outside}"; cat "$base/../token"; done`,
  },
  {
    name: 'writes to the system’s programs',
    script: () => 'for f in /usr/bin/env /bin/sh /usr/x /lib/x; do echo x >> $f && echo ESCAPED; done',
  },
  {
    name: 'writes to the runner',
    script: () => 'for f in node runner.cjs x; do echo x >> /opt/codex/tasks/$f && echo ESCAPED; done',
  },
  {
    name: 'replaces its /etc',
    script: () =>
      'for f in hosts passwd nsswitch.conf new; do echo x >> /etc/$f && echo ESCAPED; done; mv /etc/hosts /etc/h && echo ESCAPED',
  },
  {
    name: 'writes to the root folder',
    script: () => 'echo x > /x && echo ESCAPED; mkdir /y && echo ESCAPED',
    opens: 'root',
  },
  { name: 'fills memory through /dev', script: () => 'echo x > /dev/x && echo ESCAPED', opens: 'root' },
  {
    name: 'fills memory through /dev/shm',
    script: () => 'head -c 300M /dev/zero > /dev/shm/x && echo ESCAPED; rm -f /dev/shm/x',
    opens: 'root',
  },
  {
    name: 'reads the machine’s shadow, hostname and users',
    script: () =>
      'for f in shadow hostname machine-id sudoers ssh/ssh_config; do [ -e /etc/$f ] && echo ESCAPED; done; [ "$(wc -l < /etc/passwd)" = 2 ] || echo ESCAPED',
  },
  {
    name: 'uses devices of the machine',
    script: () =>
      'for d in /dev/*; do case ${d##*/} in console|core|fd|full|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero) ;; *) echo ESCAPED $d;; esac; done; head -c 1 /dev/kmsg /dev/mem /dev/sda /dev/vda && echo ESCAPED',
  },
  { name: 'makes a device', script: () => 'mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk && echo ESCAPED' },
];

export const PROCESSES: Attempt[] = [
  { name: 'kills a process of the machine', script: (w) => `kill -9 ${w.victim} && echo ESCAPED` },
  {
    name: 'kills the backend',
    script: () => `kill -9 ${process.pid} && echo ESCAPED; kill -9 ${process.ppid} && echo ESCAPED`,
  },
  {
    name: 'sees the machine’s processes',
    script: (w) =>
      `[ -e /proc/${w.victim}/cmdline ] && grep -q 1000 /proc/${w.victim}/cmdline && echo ESCAPED; [ $(ls -d /proc/[0-9]* | wc -l) -lt 20 ] || echo ESCAPED`,
  },
  { name: 'reads the backend’s environment', script: () => 'cat /proc/[0-9]*/environ | tr "\\0" "\\n"; env' },
  {
    name: 'reads the machine’s folders in its first process’s arguments',
    script: (w) =>
      `cat /proc/1/cmdline /proc/2/cmdline | tr "\\0" "\\n" | grep -F ${w.dataDir} && echo ESCAPED`,
  },
  {
    name: 'writes the kernel’s settings',
    script: () =>
      'for f in kernel/core_pattern vm/swappiness kernel/hostname kernel/pid_max; do cat /proc/sys/$f > /tmp/before && cat /tmp/before > /proc/sys/$f && echo ESCAPED $f; done; : >> /proc/sysrq-trigger && echo ESCAPED',
  },
  {
    name: 'reads the kernel’s memory and log',
    script: () =>
      'head -c 1 /proc/kcore && echo ESCAPED; dmesg && echo ESCAPED; [ -d /sys/kernel ] && echo ESCAPED',
  },
  {
    name: 'gains privileges by a setuid program',
    script: () =>
      `for p in $(find /usr /bin -perm -4000 -type f 2>/dev/null | head -3) /usr/bin/id; do grep -q 'NoNewPrivs:.*1' /proc/self/status || echo ESCAPED; done; grep -E ' (/usr|/tmp|/workspace|/root) ' /proc/self/mountinfo | grep -v nosuid && echo ESCAPED; cp /usr/bin/id /tmp/id; chmod 6755 /tmp/id; su nobody -s /bin/sh -c 'echo ESCAPED' < /dev/null`,
  },
  {
    name: 'has a capability',
    script: () =>
      `grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/self/status | grep -v '0000000000000000$' && echo ESCAPED`,
  },
  { name: 'makes a user namespace', script: () => 'unshare -U true && echo ESCAPED', opens: 'seccomp' },
  {
    name: 'makes a sandbox in the sandbox, and mounts in it',
    script: () => 'unshare -Urm bash -c "mount -t tmpfs none /mnt && echo ESCAPED"',
  },
  {
    name: 'mounts, and undoes mounts',
    script: () =>
      'mount -t tmpfs none /tmp && echo ESCAPED; mount -o remount,rw / && echo ESCAPED; umount /usr && echo ESCAPED; mount --bind / /tmp && echo ESCAPED',
  },
  {
    name: 'dumps core',
    script: () =>
      '[ "$(ulimit -c)" = 0 ] || echo ESCAPED; ulimit -c unlimited && echo ESCAPED; cd /tmp; bash -c "kill -SEGV \\$\\$"; ls /tmp/core* && echo ESCAPED',
  },
  { name: 'uses all processors again', script: () => 'taskset -p ffff $$ && echo ESCAPED', opens: 'seccomp' },
];

export const CALLS: Attempt[] = [
  call('ptrace', '0, 0, 0, 0', 1, 'seccomp'),
  call('process_vm_readv', '$$, 0, 0, 0, 0, 0', 1, 'seccomp'),
  call('process_vm_writev', '$$, 0, 0, 0, 0, 0', 1, 'seccomp'),
  call('pidfd_getfd', '-1, 0, 0', 1, 'seccomp'),
  call('kcmp', '$$, $$, 1, 0, 0', 1, 'seccomp'),
  call('keyctl', '0, -3, 1', 1, 'seccomp'),
  call('add_key', '"user", "x", "y", 1, -2', 1, 'seccomp'),
  call('request_key', '"user", "codex-none", 0, 0', 1, 'seccomp'),
  call('bpf', '0, 0, 0'),
  call('perf_event_open', '0, 0, -1, -1, 0'),
  call('userfaultfd', '1', 1),
  call('unshare', String(NEW_USER), 1, 'seccomp'),
  ...EACH_OTHER_NEW.map((flag) => call('unshare', String(flag))),
  call('clone', `${NEW_USER | 17}, 0, 0, 0, 0`, 1, 'seccomp'),
  call('clone3', '0, 0', 38, 'seccomp'),
  call('setns', '-1, 0', 1, 'seccomp'),
  call('mount', '0, 0, 0, 0, 0'),
  call('umount2', '"/usr", 2'),
  call('open_tree', '-100, "/", 0', 1, 'seccomp'),
  call('move_mount', '-1, 0, -1, 0, 0'),
  call('fsopen', '"tmpfs", 0'),
  call('io_uring_setup', '0, 0', 38, 'seccomp'),
  call('socket', '40, 1, 0', 97, 'seccomp'),
  call('socket', '38, 5, 0', 97),
  call('personality', '0x0040000', 1, 'seccomp'),
  call('init_module', '0, 0, 0'),
  call('open_by_handle_at', '-1, 0, 0'),
  {
    name: 'types into its terminal (TIOCSTI)',
    script: () =>
      `echo '$c = "x"; ioctl(STDIN, 0x5412, $c) and print "ESCAPED"; print $!+0 == 1 ? "refused" : "ESCAPED by another error"' > /tmp/type.pl; script -qec 'perl /tmp/type.pl' /dev/null`,
    opens: 'seccomp',
  },
];

const dial = (options: string): string =>
  node(
    `const s=require("net").connect(${options},()=>{});s.on("data",d=>{console.log("ESCAPED "+d);process.exit()});s.on("error",e=>{console.log(e.code);process.exit()});setTimeout(()=>process.exit(),2000)`,
  );

export const NETWORK: Attempt[] = [
  {
    name: 'connects to a port of the machine',
    script: (w) => dial(`{host:"127.0.0.1",port:${w.tcpPort}}`),
    opens: 'network',
  },
  {
    name: 'connects to an abstract Unix socket of the machine',
    script: (w) => dial(`{path:"\\0${w.abstractName}"}`),
    opens: 'network',
  },
  {
    name: 'connects to a Unix socket of the machine by its path',
    script: (w) => dial(`{path:"${w.socketPath}"}`),
    opens: 'files',
  },
  {
    name: 'finds Docker’s or D-Bus’s socket',
    script: () =>
      'for s in /var/run/docker.sock /run/docker.sock /run/dbus/system_bus_socket /run/user/*/bus /run/systemd/private; do [ -e $s ] && echo ESCAPED $s; done; true',
  },
  {
    name: 'sends UDP',
    script: (w) => `echo x > /dev/udp/127.0.0.1/${w.udpPort}; sleep 0.1; true`,
    opens: 'network',
  },
  {
    name: 'asks a name server',
    script: () =>
      'for a in 1.1.1.1 8.8.8.8 127.0.0.53; do echo x > /dev/udp/$a/53 && [ $a != 127.0.0.53 ] && echo ESCAPED; done; getent hosts example.com && echo ESCAPED; true',
  },
  {
    name: 'sees an interface but its own loopback',
    script: () =>
      'tail -n +3 /proc/net/dev | grep -v " lo:" && echo ESCAPED; tail -n +2 /proc/net/route | grep . && echo ESCAPED; true',
  },
  {
    name: 'brings up an interface',
    script: () =>
      'ip link add d type dummy && echo ESCAPED; ip addr add 10.9.9.9/8 dev lo && echo ESCAPED; true',
  },
];

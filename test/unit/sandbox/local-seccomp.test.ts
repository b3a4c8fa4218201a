import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assemble } from '../../../server/sandbox/local/seccomp/bpf.ts';
import { seccompFilter } from '../../../server/sandbox/local/seccomp/filter.ts';
import { SYSCALLS } from '../../../server/sandbox/local/seccomp/syscalls.ts';
import type { SyscallName } from '../../../server/sandbox/local/seccomp/syscalls.ts';

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refusedWith = (errno: number): number => 0x00050000 | errno;
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97].map(refusedWith);
const ARCH = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** The kernel's interpreter, as far as a filter may use it. */
function run(program: Buffer, arch: number, number: number, args: number[] = []): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  args.forEach((value, index) => data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * index));
  let word = 0;
  for (let at = 0; at < program.length; at += 8) {
    const value = program.readUInt32LE(at + 4);
    const jump = (yes: boolean): void => void (at += 8 * program.readUInt8(at + (yes ? 2 : 3)));
    switch (program.readUInt16LE(at)) {
      case 0x20:
        word = data.readUInt32LE(value);
        break;
      case 0x15:
        jump(word === value);
        break;
      case 0x35:
        jump(word >= value);
        break;
      case 0x45:
        jump((word & value) !== 0);
        break;
      case 0x06:
        return value;
      default:
        assert.fail(`instruction ${program.readUInt16LE(at)}`);
    }
  }
  return assert.fail('ran past its end');
}

for (const arch of ['x64', 'arm64'] as const) {
  describe(`the system call filter for ${arch}`, () => {
    const program = seccompFilter(arch) ?? assert.fail();
    const call = (name: SyscallName, ...args: number[]): number =>
      run(program, ARCH[arch], SYSCALLS[name][arch === 'x64' ? 0 : 1] ?? assert.fail(), args);

    test('ends a process that calls through another architecture', () => {
      for (const other of [0x40000003, 0x40000028, arch === 'x64' ? ARCH.arm64 : ARCH.x64])
        assert.equal(run(program, other, 1), KILL);
    });

    test('allows what programs do all day', () => {
      const read = arch === 'x64' ? 0 : 63;
      for (const number of arch === 'x64' ? [0, 1, 2, 3, 9, 59, 60, 202, 257] : [56, 57, 63, 64, 93, 98, 221])
        assert.equal(run(program, ARCH[arch], number), ALLOW, String(number));
      assert.equal(run(program, ARCH[arch], read, [0x5412]), ALLOW);
    });

    test('refuses whole calls, and says of some that there are none', () => {
      for (const name of ['ptrace', 'keyctl', 'add_key', 'request_key', 'bpf', 'perf_event_open'] as const)
        assert.equal(call(name), EPERM, name);
      for (const name of ['userfaultfd', 'mount', 'umount2', 'setns', 'pivot_root', 'open_tree'] as const)
        assert.equal(call(name), EPERM, name);
      for (const name of ['clone3', 'io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const)
        assert.equal(call(name), ENOSYS, name);
    });

    test('refuses new namespaces by any flag, and no thread or fork', () => {
      const threads = 0x3d0f00;
      for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
        assert.equal(call('unshare', flag), EPERM);
        assert.equal(call('clone', flag | 17), EPERM);
        assert.equal(call('clone', flag | threads), EPERM);
      }
      assert.equal(call('unshare', 0x80), EPERM, 'time');
      for (const fine of [17, threads, 0x4111]) assert.equal(call('clone', fine), ALLOW);
      assert.equal(call('unshare', 0x200), ALLOW, 'files');
    });

    test('refuses typing into a terminal, whatever stands in the part that the kernel cuts off', () => {
      assert.equal(call('ioctl', 0, 0x5412), EPERM);
      assert.equal(call('ioctl', 0, 0x1_0000_5412), EPERM);
      assert.equal(call('ioctl', 0, 0x541c), EPERM);
      assert.equal(call('ioctl', 0x5412, 0x5413), ALLOW);
    });

    test('knows four families of sockets', () => {
      for (const family of [1, 2, 10, 16]) assert.equal(call('socket', family), ALLOW);
      for (const family of [0, 17, 31, 38, 40, 44]) assert.equal(call('socket', family), EAFNOSUPPORT);
      assert.equal(call('socketpair', 40), EAFNOSUPPORT);
      assert.equal(call('socketpair', 1), ALLOW);
    });

    test('lets a program ask for its personality, and not weaken its address space', () => {
      assert.equal(call('personality', 0xffffffff), ALLOW);
      assert.equal(call('personality', 0x0040000), EPERM);
    });

    test('refuses every call it names, by one word or another', () => {
      const byArgument: SyscallName[] = ['clone', 'unshare', 'ioctl', 'socket', 'socketpair', 'personality'];
      for (const name of Object.keys(SYSCALLS) as SyscallName[]) {
        if (byArgument.includes(name) || SYSCALLS[name][arch === 'x64' ? 0 : 1] === null) continue;
        assert.notEqual(call(name), ALLOW, name);
      }
    });
  });
}

test('the filter for x64 refuses the numbers of x32', () => {
  const program = seccompFilter('x64') ?? assert.fail();
  for (const number of [0x40000000, 0x40000000 | 101, 0x40000209, -1])
    assert.equal(run(program, ARCH.x64, number), ENOSYS);
});

test('there is no filter for another processor', () => {
  assert.equal(seccompFilter('riscv64'), null);
});

describe('the assembler', () => {
  test('writes the kernel’s own structure', () => {
    const program = assemble([
      { do: 'load', at: 4 },
      { do: 'jump', when: 'equal', value: 0xc000003e, to: 'yes' },
      { do: 'return', value: 0 },
      { do: 'label', name: 'yes' },
      { do: 'return', value: ALLOW },
    ]);
    assert.equal(
      program.toString('hex'),
      '20000000040000001500010 03e0000c006000000000000000600000 00000ff7f'.replaceAll(' ', ''),
    );
  });

  test('refuses what the kernel would: backward, too far, past the end, no return, two labels', () => {
    const end = { do: 'return', value: 0 } as const;
    const jump = { do: 'jump', when: 'equal', value: 0, to: 'there' } as const;
    const there = { do: 'label', name: 'there' } as const;
    assert.throws(() => assemble([there, jump, end]), /can’t be reached/);
    assert.throws(() => assemble([jump, ...Array.from({ length: 256 }, () => end), there, end]), /reached/);
    assert.throws(() => assemble([jump, end, there]), /reached/);
    assert.throws(() => assemble([jump, end]), /reached/);
    assert.throws(() => assemble([{ do: 'load', at: 0 }]), /past its end/);
    assert.throws(() => assemble([there, there, end]), /two labels/);
  });
});

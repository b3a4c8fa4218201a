/**
 * A small assembler for the kernel's classic BPF, as far as a seccomp filter needs it: lines with
 * labels in, the bytes of `struct sock_filter` out. Jumps only go forward, as the kernel demands.
 */

export type Line =
  /** The 32-bit word at this offset of `struct seccomp_data`. */
  | { do: 'load'; at: number }
  /** All: the loaded word, compared without sign. Where to go, or on to the next line. */
  | { do: 'jump'; when: 'equal' | 'atLeast' | 'anyBitOf'; value: number; to?: string; otherwise?: string }
  | { do: 'return'; value: number }
  | { do: 'label'; name: string };

const LOAD_WORD = 0x20;
const RETURN = 0x06;
const JUMP = { equal: 0x15, atLeast: 0x35, anyBitOf: 0x45 } as const;
const INSTRUCTION_BYTES = 8;
/** A jump's distance is one byte. */
const FARTHEST = 255;
/** The kernel's BPF_MAXINSNS. */
const MOST_INSTRUCTIONS = 4_096;

export function assemble(lines: Line[]): Buffer {
  const labels = new Map<string, number>();
  const instructions: Exclude<Line, { do: 'label' }>[] = [];
  for (const line of lines) {
    if (line.do !== 'label') instructions.push(line);
    else if (labels.has(line.name)) throw new RangeError(`two labels ${line.name}`);
    else labels.set(line.name, instructions.length);
  }
  if (instructions.length > MOST_INSTRUCTIONS) throw new RangeError('too many instructions');
  if (instructions.at(-1)?.do !== 'return') throw new RangeError('it runs on past its end');
  const bytes = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  instructions.forEach((line, index) => {
    const distance = (label: string | undefined): number => {
      if (label === undefined) return 0;
      const target = labels.get(label);
      const steps = target === undefined ? -1 : target - index - 1;
      if (steps < 0 || steps > FARTHEST || target === instructions.length)
        throw new RangeError(`${label} can’t be reached from line ${index}`);
      return steps;
    };
    const at = index * INSTRUCTION_BYTES;
    switch (line.do) {
      case 'load':
        return put(bytes, at, LOAD_WORD, 0, 0, line.at);
      case 'return':
        return put(bytes, at, RETURN, 0, 0, line.value);
      case 'jump':
        return put(bytes, at, JUMP[line.when], distance(line.to), distance(line.otherwise), line.value);
    }
  });
  return bytes;
}

/** Both architectures that we make filters for are little-endian. */
function put(bytes: Buffer, at: number, code: number, yes: number, no: number, value: number): void {
  bytes.writeUInt16LE(code, at);
  bytes.writeUInt8(yes, at + 2);
  bytes.writeUInt8(no, at + 3);
  bytes.writeUInt32LE(value >>> 0, at + 4);
}

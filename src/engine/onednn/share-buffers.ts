import type { Buffer, Instruction, Part } from './instruction.ts';
import type { Plan } from './planner.ts';

type Instructions = Pick<Plan, 'prologue' | 'main'>;

/**
 * Lets buffers share bytes where that leaves an instruction with nothing to do, and drops it: what a concatenation joins is written into
 * the joined buffer from the start, and a result takes the bytes of what it overwrites.
 */
export function shareBuffers({ prologue, main, inputs, outputs }: Plan): Instructions {
  const fed = new Set([...inputs.values()].map(({ buffer }) => buffer));
  const joined = { prologue, main: joinInPlace(main, fed) };
  const pinned = [...inputs.values(), ...outputs.values()].map(({ buffer }) => buffer);
  return { prologue: overwriteInPlace(joined.prologue, pinned), main: overwriteInPlace(joined.main, pinned) };
}

/** From the last concatenation to the first, since in a chain of them the last holds all that the ones before join. */
function joinInPlace(instructions: readonly Instruction[], fed: ReadonlySet<Buffer>): readonly Instruction[] {
  const needless = new Set<Instruction>();
  for (const instruction of [...instructions].reverse()) {
    if (instruction.type !== 'primitive' || !instruction.joins) continue;
    const [whole] = instruction.writes;
    const isFree = (buffer: Buffer) => buffer.root === buffer && !buffer.home && !buffer.kept && !fed.has(buffer);
    if (isApart(instruction.joins, whole) && instruction.joins.every(({ buffer }) => isFree(buffer)))
      for (const { buffer, offset } of instruction.joins) buffer.shareWith(whole, offset);
    else if (isFree(whole) && liesTogether(instruction.joins)) whole.shareWith(instruction.joins[0].buffer);
    else continue;
    needless.add(instruction);
  }
  return instructions.filter((instruction) => !needless.has(instruction));
}

const isApart = (parts: readonly Part[], whole: Buffer): boolean =>
  !whole.home && !whole.kept && new Set([whole.root, ...parts.map(({ buffer }) => buffer.root)]).size === parts.length + 1;

/** Whether the parts follow each other in the bytes of one buffer already. */
const liesTogether = (parts: readonly Part[]): boolean => {
  const [first] = parts;
  return parts.every(({ buffer, offset }) => buffer.root === first.buffer.root && buffer.offset === first.buffer.offset + offset);
};

/** Allowed where nobody reads the overwritten buffer afterwards and it is neither fed nor asked for. */
function overwriteInPlace(instructions: readonly Instruction[], pinned: readonly Buffer[]): readonly Instruction[] {
  const lastRead = new Map<Buffer, number>();
  instructions.forEach((instruction, i) => {
    for (const buffer of instruction.reads) lastRead.set(buffer, i);
  });
  const isPinned = (from: Buffer) => pinned.some((buffer) => buffer.root === from.root);
  const isReadAfter = (from: Buffer, now: number) => [...lastRead].some(([buffer, last]) => buffer.root === from.root && last > now);
  return instructions.filter((instruction, i) => {
    for (const [from, to] of instruction.overwrites ?? []) {
      const dies = !from.home && !from.kept && !isPinned(from) && !isReadAfter(from, i);
      if (!dies || from.bytes !== to.bytes || to.kept || to.root !== to || to.root === from.root) continue;
      to.shareWith(from);
      return !(instruction.type === 'primitive' && instruction.elidable);
    }
    return true;
  });
}

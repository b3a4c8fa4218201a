/** Git patches from and to bytes, and one file's change on bytes. Pure: no disk, no git. */
export type * from './types.ts';
export { parsePatch, type ParseOptions } from './parse.ts';
export { writePatch } from './write.ts';
export { applyFilePatch, isPostImage, type FileOutcome } from './apply-file.ts';
export { reversed, reversedPatch } from './reverse.ts';
export { blobId, matchesId, type ObjectFormat } from './blob.ts';
export { asCommand, MAX_COMMAND_BYTES } from './command.ts';
export { bytesOfPath, pathFromBytes, pathKey } from './names.ts';

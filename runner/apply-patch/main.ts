/** `apply_patch`: a command on the agent's PATH, for the files of the current folder. */
import { readFileSync } from 'node:fs';
import { run } from './command.ts';

const readInput = () => (process.stdin.isTTY ? Buffer.alloc(0) : readFileSync(0));

const { code, output, error } = run(process.argv.slice(2), readInput, process.cwd());
process.stdout.write(output);
process.stderr.write(error);
process.exitCode = code;

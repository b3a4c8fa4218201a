/** Twenty commands that cost nothing, one after the other: what is left to measure is the loop. */
export const TWENTY_CALLS_SCRIPT = `
name: twenty-calls
turns:
  - steps:
${Array.from({ length: 20 }, (_, index) => `      - run: echo call ${index + 1}`).join('\n')}
      - say: Twenty calls are done.
`;

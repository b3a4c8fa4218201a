/**
 * The demo: in the repository of `demo-repo.ts` it finds the error, fixes it, adds a picture, and
 * checks itself; in any other it looks around and says what it found. A prompt with lines
 * `$ command` runs these, which is how one makes it do anything else.
 */
export const DEMO_SCRIPT = String.raw`
name: demo
turns:
  - when: {prompt: '(^|\n)\s*\$ '}
    commandsFromPrompt: true
    steps:
      - say: |
          I ran the commands of the prompt. The last one printed:

          {{output}}

  - when: {mode: ask}
    steps:
      - think: Look at what is here before answering.
        say: I look at the files and the history.
        run:
          - git ls-files | head -50
          - git log --oneline -5
      - run: head -40 README* 2>/dev/null
      - say: |
          This is the scripted model, which cannot read; with a real model the answer to your question stands here.

          What the repository says of itself:

          {{output}}

  - when: {mode: review}
    steps:
      - say: I look at the newest changes.
        run: git --no-pager show --stat HEAD
      - say: |
          This is the scripted model, which cannot judge; with a real model the findings stand here. The newest commit:

          {{output}}

  - when: {followUp: true}
    steps:
      - say: I look at the state that the last turn left.
        run: cat README.md
      - run: |
          printf '\n## Notes\n\n%s\n' "$(date -u +%Y-%m-%d)" >> README.md
      - say: I added a section with today's date to README.md.

  - when: {prompt: 'tests? fail'}
    steps:
      - think: The tests say what is wrong, so run them first.
        say: I look at the files and run the tests.
        run:
          - git ls-files
          - cat package.json
          - cat src/sum.mjs test/sum.test.mjs
      - run: npm test
      - think: sum takes the absolute value of every number, so that -2 counts as 2.
        say: The sum ignores the sign of its numbers. I fix that.
        patch: |
          *** Begin Patch
          *** Update File: src/sum.mjs
          @@ export function sum(numbers) {
             for (const number of numbers) {
          -    total += Math.abs(number);
          +    total += number;
             }
          *** End Patch
      - say: Now the logo, a binary file.
        run: |
          mkdir -p assets && node -e '
            const { deflateSync, crc32 } = require("node:zlib");
            const crc = crc32 ?? ((bytes) => { let c = ~0; for (const b of bytes) { c ^= b; for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1; } return ~c >>> 0; });
            const chunk = (type, data) => {
              const body = Buffer.concat([Buffer.from(type), data]);
              const out = Buffer.alloc(body.length + 8);
              out.writeUInt32BE(data.length, 0); body.copy(out, 4); out.writeUInt32BE(crc(body), body.length + 4);
              return out;
            };
            const size = 64, rows = [];
            for (let y = 0; y < size; y++) {
              rows.push(0);
              for (let x = 0; x < size; x++) {
                const plus = (Math.abs(x - 31.5) < 6 || Math.abs(y - 31.5) < 6) && Math.hypot(x - 31.5, y - 31.5) < 22;
                rows.push(...(plus ? [255, 255, 255] : [16, 110 + y, 190]));
              }
            }
            const head = Buffer.alloc(13);
            head.writeUInt32BE(size, 0); head.writeUInt32BE(size, 4); head.set([8, 2, 0, 0, 0], 8);
            require("node:fs").writeFileSync("assets/logo.png", Buffer.concat([
              Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
              chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.from(rows))), chunk("IEND", Buffer.alloc(0)),
            ]));
          ' && ls -l assets
      - say: I run the tests again.
        run: npm test
      - say: |
          The sum was wrong for negative numbers: src/sum.mjs:5 added their absolute value. It adds the numbers themselves now, and all tests pass.

          I also drew assets/logo.png, 64 by 64 pixels.

  - steps:
      - say: I look at the files.
        run: git ls-files | head -50
      - run: |
          printf '# A note\n\nLeft by the scripted model, which cannot read. The task was:\n\n' > codex-note.md
          cat >> codex-note.md <<'END_OF_PROMPT'
          {{prompt}}
          END_OF_PROMPT
      - say: |
          This is the scripted model, which cannot read your task; with a real model the work is done here. It left codex-note.md, so that there is a change to look at.
`;

/** What is used of a stream such as stderr. */
interface Screen {
  isTTY?: boolean;
  write(text: string): unknown;
}

const WIDTH = 30;

/** Draws a bar in place on a terminal; elsewhere, as in a log, a line for each tenth. */
export function followProgress(screen: Screen): {
  show: (done: number, total: number) => void;
  end: () => void;
} {
  let told = 0;
  let isShown = false;
  return {
    show(done, total) {
      isShown = true;
      const share = done / total;
      const text = `${String(Math.floor(share * 100))} %, ${String(done)} of ${String(total)}`;
      if (screen.isTTY) {
        const bar = '#'.repeat(Math.floor(share * WIDTH)).padEnd(WIDTH, '.');
        screen.write(`\r[${bar}] ${text}`);
      } else if (Math.floor(share * 10) > told) {
        told = Math.floor(share * 10);
        screen.write(`${text}\n`);
      }
    },
    end() {
      if (screen.isTTY && isShown) screen.write('\n');
    },
  };
}

import { correction, generate } from 'lean-qr';

/** Light modules on each side; ISO/IEC 18004 asks for four. */
const quietZone = 4;

/** Draws a QR code as an SVG element without `style`, so that it fits a strict Content-Security-Policy. */
export function drawQr(text: string): string {
  const code = generate(text, { minCorrectionLevel: correction.M });
  const size = String(code.size + 2 * quietZone);
  const rows = code.toString({ on: '#', off: '.', lf: '\n', pad: quietZone }).split('\n');
  const lines = rows.flatMap((row, y) =>
    [...row.matchAll(/#+/g)].map(
      ({ 0: dark, index }) => `M${String(index)} ${String(y)}.5h${String(dark.length)}`,
    ),
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${size}v${size}H0z"/><path stroke="#000" d="${lines.join('')}"/></svg>`
  );
}

import QRCode from 'qrcode';

/** Draws a QR code as an SVG element without `style`, so that it fits a strict Content-Security-Policy. */
export function drawQr(text: string): Promise<string> {
  return QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 4 });
}

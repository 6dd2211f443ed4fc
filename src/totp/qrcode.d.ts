/** The one function that is used; the published types need the DOM's. */
declare module 'qrcode' {
  interface SvgOptions {
    type: 'svg';
    errorCorrectionLevel: 'L' | 'M' | 'Q' | 'H';
    /** Quiet zone, in modules; ISO/IEC 18004 asks for 4. */
    margin: number;
  }
  const qrcode: { toString(text: string, options: SvgOptions): Promise<string> };
  export default qrcode;
}

/** Two types of the DOM that the published types of lean-qr name, for functions that are not used here. */
interface Document {
  readonly nodeType: number;
}
interface SVGElement {
  readonly nodeType: number;
}
